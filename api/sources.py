"""Sources as an operator sees them: what the sources file says, without its secrets, and what each has sent."""

from pathlib import Path
from typing import Any, Final

from api.clickhouse import ClickHouse
from schemas.errors import KithError, Problem
from schemas.source import Source, as_written, parse_sources
from schemas.times import to_iso

_EVENTS: Final = """\
SELECT source, channel, count(), toUnixTimestamp64Milli(max(received_at)) FROM events GROUP BY source, channel"""
_DEAD_LETTERS: Final = """\
SELECT source, uniqExact(id), toUnixTimestamp64Milli(max(at)) FROM dead_letters GROUP BY source"""
_DEFAULT: Final = {**Source(kind="tracking", name="default", write_keys=("-",)).public(), "keys": None}


async def sources(clickhouse: ClickHouse, path: Path | None) -> dict[str, dict[str, Any]]:
    """Return every source by name, in order: those of the file, and those that have sent something under another name.

    Raises `Problem` (unavailable) when the file cannot be read or is wrong.
    """
    # The source of KITH_WRITE_KEYS, which only the collector knows, is in no file.
    by_keys = {"default": {**_DEFAULT, "configured": True}}
    shown = {name: {**source.public(), "configured": True} for name, source in _of_file(path).items()}
    counted: dict[str, dict[str, Any]] = {}
    for name, channel, events, last in await clickhouse.rows(_EVENTS):
        found = counted.setdefault(name, _nothing())
        found["channels"][channel] = int(events)
        found["events"] += int(events)
        found["last_event_at"] = max(found["last_event_at"] or "", to_iso(int(last)))
    for name, letters, last in await clickhouse.rows(_DEAD_LETTERS):
        found = counted.setdefault(name, _nothing())
        found["dead_letters"] = int(letters)
        found["last_dead_letter_at"] = to_iso(int(last))
    return {
        name: {
            **(shown.get(name) or by_keys.get(name) or {"name": name, "kind": None, "configured": False}),
            **counted.get(name, _nothing()),
        }
        for name in sorted(shown.keys() | counted.keys())
    }


def _nothing() -> dict[str, Any]:
    return {"events": 0, "channels": {}, "last_event_at": None, "dead_letters": 0, "last_dead_letter_at": None}


def _of_file(path: Path | None) -> dict[str, Source]:
    if path is None:
        return {}
    try:
        # Secrets are the collector's: what refers to one stays a reference here.
        return parse_sources(path.read_text(encoding="utf-8"), as_written())
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("unavailable", f"The sources file cannot be read: {type(error).__name__}.") from error
    except KithError as error:
        raise Problem("unavailable", f"The sources file is wrong: {error}") from error
