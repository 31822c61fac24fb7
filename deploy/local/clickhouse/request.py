"""What a request asks for: parameters, settings, credentials and the encodings of its body and answer."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from deploy.local.clickhouse.errors import ClickHouseError

# Parameters of the interface itself, in the server's words.
_OWN = frozenset(
    [
        "query",
        "user",
        "password",
        "quota_key",
        "query_id",
        "stacktrace",
        "role",
        "buffer_size",
        "wait_end_of_query",
        "session_id",
        "session_timeout",
        "session_check",
        "client_protocol_version",
        "close_session",
        "database",
        "default_format",
        "compress",
        "decompress",
    ]
)
# Settings that concern HTTP only. They are obeyed here; the engine has no use for them.
_HTTP_SETTINGS = frozenset(
    [
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_wait_end_of_query",
        "http_headers_progress_interval_ms",
        "http_response_buffer_size",
        "add_http_cors_header",
        "http_write_exception_in_output_format",
        "cancel_http_readonly_queries_on_client_close",
        "http_native_compression_disable_checksumming_on_decompress",
    ]
)
_SPREAD = re.compile(r"_(?:format|types|structure)$")
_FALSE = frozenset(("0", "false", "no", "off"))
BUFFER_BYTES = 1 << 20  # the server's DBMS_DEFAULT_BUFFER_SIZE: what is held back before the first byte is sent
MAX_SESSION_SECONDS = 3600


@dataclass(slots=True)
class QueryRequest:
    """One request to run a statement."""

    query: bytes  # the statement in the URL, perhaps only its beginning
    user: str
    password: str
    database: str
    format: str
    query_id: str
    session_id: str | None
    session_seconds: int
    session_must_exist: bool
    close_session: bool
    role: str | None
    settings: dict[str, str]
    parameters: dict[str, str]
    readonly: bool  # GET and HEAD only read
    wait_end: bool
    buffer_bytes: int
    blocks: bool  # compress=1: the answer in ClickHouse's own blocks
    blocked: bool  # decompress=1: the body is in ClickHouse's own blocks
    content_encoding: str
    accept_encoding: str
    compression_level: int
    progress_ms: int | None  # send progress headers this often
    protocol_version: int  # of the format Native; 0 where the client names none
    cors: bool
    raw: dict[str, str] = field(default_factory=dict)  # all URL parameters, for external tables


def read(
    method: str, query_string: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
) -> QueryRequest:
    """Return the request; header names are lower case, `form` are the plain fields of a multipart body.

    Raises ClickHouseError for contradictory credentials and values that cannot be read.
    """
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, errors="surrogateescape", max_num_fields=10_000)
    except ValueError as error:
        raise ClickHouseError(36, "BAD_ARGUMENTS", f"Cannot read the URL's parameters: {error}") from error
    given = dict(pairs)
    if form:
        given.update(form)
    external = headers.get("content-type", "").startswith("multipart/form-data")
    settings: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for name, value in given.items():
        if name.startswith("param_"):
            parameters[name[6:]] = value
        elif name and name not in _OWN and name not in _HTTP_SETTINGS and not (external and _SPREAD.search(name)):
            settings[name] = value
    user, password = _credentials(given, headers)
    accept = headers.get("accept-encoding", "") if _flag(given, "enable_http_compression", True) else ""
    progress = (
        _number(given, "http_headers_progress_interval_ms", 100)
        if _flag(given, "send_progress_in_http_headers")
        else None
    )
    return QueryRequest(
        query=given.get("query", "").encode("utf-8", "surrogateescape"),
        user=user,
        password=password,
        database=headers.get("x-clickhouse-database") or given.get("database", ""),
        format=format_name(headers.get("x-clickhouse-format") or given.get("default_format") or "TabSeparated"),
        query_id=given.get("query_id") or headers.get("x-clickhouse-query-id", ""),
        session_id=given.get("session_id") or None,
        session_seconds=_session_seconds(given),
        session_must_exist=_flag(given, "session_check"),
        close_session=_flag(given, "close_session"),
        role=given.get("role"),
        settings=settings,
        parameters=parameters,
        readonly=method in ("GET", "HEAD"),
        wait_end=_flag(given, "wait_end_of_query") or _flag(given, "http_wait_end_of_query"),
        buffer_bytes=max(
            BUFFER_BYTES, _number(given, "buffer_size", 0), _number(given, "http_response_buffer_size", 0)
        ),
        blocks=_flag(given, "compress"),
        blocked=_flag(given, "decompress"),
        content_encoding=headers.get("content-encoding", ""),
        accept_encoding=accept,
        compression_level=_number(given, "http_zlib_compression_level", 3),
        progress_ms=progress,
        protocol_version=_number(given, "client_protocol_version", 0),
        cors=_flag(given, "add_http_cors_header") and "origin" in headers,
        raw=given,
    )


def format_name(name: str) -> str:
    """Return `name` if it can be the name of a format: it becomes part of a statement."""
    if not name.isascii() or not name.isidentifier():
        raise ClickHouseError(73, "UNKNOWN_FORMAT", f"Unknown format {name}")
    return name


def _flag(given: Mapping[str, str], name: str, default: bool = False) -> bool:
    value = given.get(name)
    return default if value is None or value == "" else value.lower() not in _FALSE


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    value = given.get(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit():
        raise ClickHouseError(72, "CANNOT_PARSE_NUMBER", f"Cannot parse number from {name} = {value!r}")
    return int(value)


def _session_seconds(given: Mapping[str, str]) -> int:
    value = given.get("session_timeout")
    if value is None:
        return 60
    if not value.isascii() or not value.isdigit():
        raise ClickHouseError(374, "INVALID_SESSION_TIMEOUT", f"Invalid session timeout: '{value}'")
    if int(value) > MAX_SESSION_SECONDS:
        text = f"Session timeout '{value}' is larger than max_session_timeout: {MAX_SESSION_SECONDS}"
        raise ClickHouseError(374, "INVALID_SESSION_TIMEOUT", text)
    return int(value)


def _credentials(given: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    """Return user and password from exactly one of: X-ClickHouse-User and -Key, Authorization, the URL."""
    by_header = "x-clickhouse-user" in headers or "x-clickhouse-key" in headers
    by_basic = "authorization" in headers
    by_url = "user" in given or "password" in given
    named = [
        name
        for name, is_used in (
            ("X-ClickHouse HTTP headers", by_header),
            ("Authorization HTTP header", by_basic),
            ("authentication via parameters", by_url),
        )
        if is_used
    ]
    if len(named) > 1:
        text = f"Invalid authentication: it is not allowed to use {named[0]} and {named[1]} simultaneously"
        raise ClickHouseError(516, "AUTHENTICATION_FAILED", text)
    if by_header:
        user, password = headers.get("x-clickhouse-user", ""), headers.get("x-clickhouse-key", "")
    elif by_basic:
        user, password = _basic(headers["authorization"])
    else:
        user, password = given.get("user", "default"), given.get("password", "")
    if not user:
        raise ClickHouseError(
            516, "AUTHENTICATION_FAILED", f"Got an empty user name from {named[0] if named else 'the request'}"
        )
    return user, password


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        text = f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported"
        raise ClickHouseError(516, "AUTHENTICATION_FAILED", text)
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError) as error:
        raise ClickHouseError(516, "AUTHENTICATION_FAILED", "Invalid authentication: not base64") from error
    user, _, password = decoded.partition(":")
    return user, password
