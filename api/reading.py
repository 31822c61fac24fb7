"""What a statement from outside may be, what it may cost, and how its answer may look.

ClickHouse itself holds the user `analyst` to reading; what is refused here gets a sentence, and our limits stay ours.
"""

import json
import re
from typing import Any

from api.clickhouse import ClickHouseError
from schemas.codec import dumps, loads
from schemas.errors import Problem
from schemas.settings import Settings

_QUOTED = re.compile(rb"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_TEXT = re.compile(rb"'(?:[^'\\]|\\.)*'", re.DOTALL)
_SYSTEM = re.compile(rb"[`\"]?\b(?:system|information_schema)[`\"]?\s*\.", re.IGNORECASE)
# SHOW and EXISTS name a database behind a word, and not before a dot.
_SHOWS_OWN = re.compile(
    rb"(?:SHOW|EXISTS)\b.*\b(?:FROM|IN|DATABASE)\s+[`\"]?(?:system|information_schema)\b", re.I | re.S
)
# Where ClickHouse's message quotes the statement with which we had ours read.
_OURS = re.compile(r": In scope SELECT formatQuerySingleLine\(.*\)(?=\. \([A-Z_]+\))", re.DOTALL)
_READS = re.compile(
    rb"[\s(]*(?:SELECT|WITH|DESCRIBE|DESC|EXPLAIN|EXISTS|SHOW\s+(?:TABLES|CREATE|COLUMNS))\b", re.IGNORECASE
)

# By media type, in the order of preference: ClickHouse's format.
FORMATS = {
    "application/json": "JSONCompact",
    "text/csv": "CSVWithNames",
    "application/vnd.apache.arrow.stream": "ArrowStream",
}
JSON = "application/json"


def accepted(header: str) -> str:
    """Return the first of `FORMATS` that an Accept header takes most gladly.

    Raises `Problem` (not-acceptable) when it takes none of them.
    """
    best, weight = "", 0.0
    for offer in header.split(",") if header.strip() else ["*/*"]:
        name, *parameters = (part.strip().lower() for part in offer.split(";"))
        quality = next((_quality(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        found = next((each for each in FORMATS if name in (each, "*/*", f"{each.partition('/')[0]}/*")), "")
        if found and quality > weight:
            best, weight = found, quality
    if not best:
        raise Problem("not-acceptable", f"There is no such form of the answer: Accept one of {', '.join(FORMATS)}.")
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def check(formatted: bytes) -> None:
    """Raise `Problem` unless a statement, as ClickHouse itself writes it, leaves settings and format alone.

    ClickHouse writes key words in capitals and leaves comments out: words in capitals outside of quotes are key words
    (or columns of such a name, which have to do without it).
    """
    if not _READS.match(formatted):
        raise Problem("forbidden", "This endpoint reads: write SELECT, WITH, DESCRIBE, EXPLAIN or SHOW TABLES.")
    named = _TEXT.sub(b" ", formatted)
    if _SYSTEM.search(named) or _SHOWS_OWN.match(named):
        raise Problem("forbidden", "This endpoint reads Kith's tables only, none of ClickHouse's own.")
    words = set(re.findall(rb"[A-Za-z_]+", _QUOTED.sub(b" ", formatted)))
    if b"SETTINGS" in words:
        raise Problem("forbidden", "This endpoint has its own limits: leave out the clause SETTINGS.")
    if words & {b"FORMAT", b"OUTFILE"}:
        raise Problem(
            "invalid-sql", "Write a SELECT without FORMAT and INTO OUTFILE; the header Accept chooses the form."
        )


def limits(settings: Settings) -> dict[str, Any]:
    """Return ClickHouse's settings of a query that comes from outside."""
    return {
        "output_format_arrow_string_as_string": 1,
        "max_execution_time": settings.query_max_seconds,
        "timeout_overflow_mode": "throw",
        "max_memory_usage": settings.query_max_bytes,
        "max_result_rows": settings.query_max_rows,
        "max_result_bytes": settings.query_max_result_bytes,
        "result_overflow_mode": "throw",
        "date_time_output_format": "iso",
        "output_format_json_quote_decimals": 1,
        "output_format_json_quote_64bit_integers": 0,
        "wait_end_of_query": 1,
    }


def refusal(error: ClickHouseError, settings: Settings, seconds: float) -> Problem:
    """Return what to say about a statement that ClickHouse refused."""
    if (reached := limit_reached(error, settings, seconds)) is not None:
        return reached
    if error.code == 394:
        return Problem("cancelled", "The query was stopped.", seconds=round(seconds, 3))
    if error.code == 216:
        return Problem("conflict", "A query of this id runs already: choose another query_id, or none.")
    if error.code in (164, 497):
        return Problem(
            "forbidden", f"This endpoint reads Kith's tables only. {first_line(error.text)}", code=error.code
        )
    return Problem("invalid-sql", first_line(error.text), code=error.code)


def limit_reached(error: ClickHouseError, settings: Settings, seconds: float) -> Problem | None:
    """Return what to say about a question that took too much; None for any other error."""
    if error.code == 241 and "(total)" in error.text:
        return Problem("rate-limited", "What else runs has taken ClickHouse's memory: try again in a moment.")
    name, value, unit = {
        159: ("time", settings.query_max_seconds, "seconds"),
        160: ("time", settings.query_max_seconds, "seconds"),
        241: ("memory", settings.query_max_bytes, "bytes"),
        396: ("rows", settings.query_max_rows, "rows"),
    }.get(error.code, ("", 0, ""))
    if "max bytes" in error.text and name == "rows":
        name, value, unit = "size", settings.query_max_result_bytes, "bytes"
    if not name:
        return None
    shown = f"{value:,}".removesuffix(".0")
    detail = f"This reached its limit of {name}: {shown} {unit}. Narrow it, aggregate, or ask for less."
    return Problem("limit-exceeded", detail, limit=name, value=value, seconds=round(seconds, 3))


def first_line(text: str) -> str:
    """Return ClickHouse's message without its stack and version."""
    return _OURS.sub("", text).partition("\n")[0].partition(" (version ")[0][:2000]


def document(body: bytes) -> bytes:
    """Return the JSON answer to a statement, given ClickHouse's.

    Integers beyond 64 bits are text: most readers of JSON would round them.
    """
    if not body.strip():
        found: dict[str, Any] = {}
    elif b"Int128" in body or b"Int256" in body:
        found = json.loads(body, parse_int=_integer)
    else:
        found = loads(body)
    return dumps(
        {"columns": found.get("meta", []), "rows": found.get("data", []), "statistics": found.get("statistics", {})}
    )


def _integer(text: str) -> int | str:
    number = int(text)
    return number if -(2**63) <= number < 2**64 else text
