"""`KILL QUERY WHERE query_id = '…'`, for the ids that clients know."""

import re

from deploy.local.clickhouse.running import Registry

_KILL = re.compile(
    rb"\s*KILL\s+QUERY\s+(?:ON\s+CLUSTER\s+\S+\s+)?WHERE\s+\(?\s*query_id\s*=\s*'(?P<id>(?:[^'\\]|\\.)*)'\s*\)?"
    rb"\s*(?P<mode>SYNC|ASYNC|TEST)?\s*(?:FORMAT\s+(?P<format>\w+))?\s*;?\s*",
    re.I | re.S,
)


def is_kill(text: bytes) -> bool:
    """Return whether the statement stops one query by its id."""
    return text[:64].lstrip()[:4].upper() == b"KILL" and _KILL.fullmatch(text) is not None


def kill(text: bytes, registry: Registry, user: str | None) -> tuple[bytes, dict[str, str]]:
    """Stop the query that `text` names, if it runs (and is `user`'s, where one is given).

    Return a SELECT, with its parameters, whose result is that of KILL QUERY.
    """
    match = _KILL.fullmatch(text)
    assert match is not None
    query_id = re.sub(r"\\(.)", r"\1", match["id"].decode("utf-8", "replace"))
    running = registry.find(query_id, user)
    mode = (match["mode"] or b"ASYNC").upper()
    if running is not None and mode != b"TEST":
        registry.kill(running, wait=mode == b"SYNC")
    sql = b"SELECT {s:String} AS kill_status, {q:String} AS query_id, {u:String} AS user, {t:String} AS query"
    if running is None:
        sql += b" WHERE 0"
    if match["format"]:
        sql += b" FORMAT " + match["format"]
    status = {b"TEST": "", b"SYNC": "finished"}.get(mode, "waiting")
    values = {"s": status, "q": query_id, "u": "", "t": ""}
    if running is not None:
        values.update(u=running.user, t=running.text)
    return sql, {name: _escaped(value) for name, value in values.items()}


def _escaped(value: str) -> str:
    """Return the value as query parameters are written."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
