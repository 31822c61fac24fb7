"""Dead letters that go in again, through everything that a message goes through when it first comes.

A letter is read as its payload was (a message, or a vendor's whole delivery), as of the time at which it first came:
what is missing in it follows from that time, and an erasure that covers that time covers it. Ids follow from the letter
where the message has none, so a letter that is replayed twice counts once. All of a letter goes in, or nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import count
from typing import NamedTuple

from ingest.canonical import Reception, Rejection
from ingest.intake import Intake
from ingest.producer import Log, Record
from ingest.sources import Sources
from ingest.text import NotJsonError, parse
from ingest.vendors.delivery import Erasure
from ingest.vendors.mapping import channel_of, replayed
from schemas.codec import SCHEMA_VERSION, dumps
from schemas.identifier import uuid5_text
from schemas.metrics import counter
from schemas.records import Replay
from schemas.source import Source
from schemas.times import to_iso
from schemas.topics import Topics


class Letter(NamedTuple):
    """A dead letter on its way in: `at` is when it first came (ms); `corrected` says that a person changed it."""

    id: str
    source: str
    at: int
    payload: str
    corrected: bool


class Replays:
    """Takes dead letters in anew and keeps what came of each."""

    def __init__(self, intake: Intake, records: Log, topics: Topics, country: str | None) -> None:
        self._intake = intake
        self._records = records
        self._topics = topics
        self._country = country
        self._outcomes = counter("kith_collector_replays_total")

    def submit(
        self, letters: Iterable[Letter], sources: Sources, now: int
    ) -> tuple[list[Replay], asyncio.Future[None] | None]:
        """Return what becomes of each letter, in order, and a future that is done when Kafka has all of it.

        None instead of a future: there were none. Raises `UnavailableError` when Kafka takes nothing now.
        """
        outcomes: list[Replay] = []
        records: list[Record] = []
        for letter in letters:
            found = self._events(letter, sources)
            if isinstance(found, Rejection):
                outcome = _outcome(letter, now, [], found)
            else:
                outcome = _outcome(letter, now, [event_id for event_id, _ in found], None)
                records += [record for _, record in found]
            outcomes.append(outcome)
            records.append((self._topics.replays, letter.source, dumps(outcome)))
        if not records:
            return outcomes, None
        acknowledged = self._records.write(records, now)
        for outcome in outcomes:
            self._outcomes.labels(outcome["source"], outcome["outcome"]).inc()
        return outcomes, acknowledged

    def _events(self, letter: Letter, sources: Sources) -> list[tuple[str, Record]] | Rejection:
        """Return the letter's events as ids and records, or why it has none."""
        source = sources.by_name.get(letter.source)
        if source is None or source.disabled:
            wrong = "is switched off" if source is not None else "is not among the sources"
            return Rejection("unknown_source", f"The source {letter.source!r} {wrong}.")
        reception = Reception(source, letter.at, country=self._country, channel=channel_of(source))
        new_id = _ids(letter.id)
        raw = letter.payload.encode("utf-8", "surrogatepass")
        found: list[tuple[str, Record]] = []
        try:
            for message in _messages(source, raw):
                if isinstance(message, Erasure):
                    return Rejection("invalid_event", "This demands an erasure: make it with POST /v1/privacy/erase.")
                read = self._intake.read(message, reception, raw, new_id)
                if isinstance(read, Rejection):
                    return read
                event, record = read
                found.append((event["event_id"], record))
        except NotJsonError as error:
            return Rejection("invalid_event", f"The payload is not JSON: {error}.")
        return found


def _messages(source: Source, raw: bytes) -> list[object]:
    return replayed(source, parse(raw))


def _ids(letter_id: str) -> Callable[[], str]:
    """Return ids for the messages of a letter: always the same ones, in order."""
    numbers = count()
    return lambda: uuid5_text(f"replay:{letter_id}:{next(numbers)}")


def _outcome(letter: Letter, now: int, event_ids: list[str], rejection: Rejection | None) -> Replay:
    return {
        "schema_version": SCHEMA_VERSION,
        "id": letter.id,
        "source": letter.source,
        "at": to_iso(now),
        "outcome": "accepted" if rejection is None else "rejected",
        "event_ids": event_ids,
        "reason": None if rejection is None else rejection.reason,
        "message": "" if rejection is None else rejection.message,
        "corrected": letter.corrected,
    }
