"""Content types of ClickHouse's formats."""

_TEXT = "text/plain; charset=UTF-8"
_EXACT = {
    "XML": "application/xml; charset=UTF-8",
    "Prometheus": "text/plain; version=0.0.4; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
    "MySQLWire": "application/octet-stream",
    "Avro": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "BSONEachRow": "application/octet-stream",
    "CapnProto": "application/octet-stream",
    "MsgPack": "application/octet-stream",
    "Native": "application/octet-stream",
    "Npy": "application/octet-stream",
    "ORC": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Protobuf": "application/octet-stream",
    "ProtobufList": "application/octet-stream",
    "ProtobufSingle": "application/octet-stream",
    "RawBLOB": "application/octet-stream",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONLines": "application/x-ndjson; charset=UTF-8",
    "NDJSON": "application/x-ndjson; charset=UTF-8",
}


def content_type(format_: str) -> str:
    """Return the media type that a server names for this output format."""
    if format_ in _EXACT:
        return _EXACT[format_]
    if format_.startswith("RowBinary"):
        return "application/octet-stream"
    if format_.startswith(("TabSeparated", "TSV", "Raw")):
        return "text/tab-separated-values; charset=UTF-8"
    if format_.startswith("CSV"):
        header = "present" if "WithNames" in format_ else "absent"
        return f"text/csv; charset=UTF-8; header={header}"
    if format_.startswith("JSON"):
        return "application/json; charset=UTF-8"
    return _TEXT
