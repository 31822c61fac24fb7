"""A file as a source would take it: which events it becomes, and what would be wrong, with nothing sent."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple

import yaml

from ingest.batch import batch
from ingest.canonical import Reception, Rejection, Unfit, canonical
from ingest.text import NotJsonError, parse
from ingest.vendors.delivery import Delivery, Erasure, Topic
from ingest.vendors.mapping import channel_of, messages_of
from ingest.vendors.registry import VENDORS
from schemas.errors import KithError
from schemas.source import Source, as_written, parse_sources

_MOST_EVENTS = 100_000


class Tried(NamedTuple):
    """What became of one part of the file: an event, or why there is none."""

    event: dict[str, Any] | None
    reason: str = ""
    message: str = ""


def source_to_try(path: Path, name: str | None, kind: str, mapping: Mapping[str, Any] | None) -> Source:
    """Return the source of that name in the sources file at `path`, or one of this kind that is only for trying.

    Raises `KithError` when there is none, or the mapping is wrong.
    """
    if name is not None:
        try:
            known = parse_sources(path.read_text(encoding="utf-8"), as_written())
        except OSError as error:
            raise KithError(f"The sources in {path} cannot be read: {error}") from error
        if name not in known:
            raise KithError(f"There is no source {name!r} in {path}; there are: {', '.join(known) or 'none'}.")
        return known[name]
    if kind == "generic" and mapping is None:
        raise KithError("As what is the file tried? Name a source with --source, or a mapping with --mapping.")
    entry: dict[str, Any] = {"kind": kind, "write_keys" if kind == "tracking" else "secrets": ["only-tried"]}
    if kind == "magento":
        entry = {"kind": kind, "url_secret": "only-tried"}
    if mapping is not None:
        entry["mapping"] = dict(mapping)
    # Through the file's own check: what is said of a mapping here is what the collector would say.
    return parse_sources(yaml.safe_dump({"sources": {"try": entry}}), {})["try"]


def tried(source: Source, body: bytes, headers: Mapping[str, str], topic: str, country: str | None) -> Iterator[Tried]:
    """Yield what becomes of each part of `body`, as if the source's sender had sent it now, rightly signed.

    Raises `KithError` when the body is no JSON.
    """
    received = time_ns() // 1_000_000
    try:
        content = parse(body)
    except NotJsonError as error:
        raise KithError(f"The file is not JSON: {error}") from error
    if source.kind == "tracking":
        is_batch = isinstance(content, dict) and "batch" in content
        messages = batch(content, _MOST_EVENTS) if is_batch else [content]
        reception = Reception(source, received, country=country)
    else:
        lower = {name.lower(): value for name, value in headers.items()}
        delivery = Delivery(source, "POST", lower, {"topic": topic} if topic else {}, body, received)
        found = VENDORS[source.kind].topic(delivery, content)
        messages = messages_of(source, Topic(topic or found.name, found.delivery_id), content)
        reception = Reception(source, received, country=country, channel=channel_of(source))
    for message in messages:
        yield _tried(message, reception)


def _tried(message: Any, reception: Reception) -> Tried:
    if isinstance(message, Unfit):
        return Tried(None, message.reason, message.message)
    if isinstance(message, Erasure):
        return Tried(None, "erasure", "A demand to erase a person: the collector hands it on.")
    outcome = canonical(message, reception)
    if isinstance(outcome, Rejection):
        return Tried(None, outcome.reason, outcome.message)
    return Tried(outcome)
