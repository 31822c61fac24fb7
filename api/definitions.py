"""Segment definitions: followed from their topic, and written to it by one writer at a time.

The topic is the truth; this process holds all of it in memory. A writer takes the one transactional id, which fences
every other API process, reads the topic to its end, decides, and publishes in a transaction: so versions grow by one
and no change is lost, however many processes there are.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from api.followed import Followed, away
from processors.segments.clauses import Clause, Definition
from processors.segments.definition import DefinitionError, DefinitionProblem, parse, parse_where
from processors.segments.references import reference_problem
from schemas.codec import SCHEMA_VERSION, JSONDecodeError, dumps, loads
from schemas.errors import Problem
from schemas.records import DefinitionRecord
from schemas.settings import Settings

log = structlog.get_logger(__name__)

_TRIES = 12
_LONGEST_PAUSE_S = 0.3
_PATIENCE_S = 10.0
# Beyond this the open transaction of a writer that died is aborted by the broker.
_TRANSACTION_MS = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest version of a segment; `document` and `definition` are None when it was deleted."""

    version: int
    document: dict[str, Any] | None
    definition: Definition | None
    updated_at: str


Known = Mapping[str, Stored]
# What to publish, given everything that is known; None when nothing changes.
Decide = Callable[[Known], DefinitionRecord | None]


class Definitions:
    """All definitions, as of the end of the topic."""

    def __init__(self, settings: Settings) -> None:
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.definitions
        self._transactional_id = f"{settings.topic_prefix}definitions"
        self._known: dict[str, Stored] = {}
        self._log = Followed(settings.bootstrap, self._topic, self._take)
        self._producer: AIOKafkaProducer | None = None
        self._write = asyncio.Lock()

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        await self._log.start()

    async def stop(self) -> None:
        """Stop following and writing."""
        await self._log.stop()
        await self._drop_producer()

    async def known(self) -> Known:
        """Return every segment that was ever defined, as of now. Raises `Problem` (unavailable) without Kafka."""
        await self._log.catch_up()
        return self._known

    async def publish(self, decide: Decide) -> Known:
        """Publish what `decide` answers to the newest state, and return the state that follows.

        Raises what `decide` raises, and `Problem` (unavailable) without Kafka.
        """
        async with self._write:
            for number in range(_TRIES):
                try:
                    producer = await self._exclusive_producer()
                    await self._log.catch_up()
                    record = decide(self._known)
                    if record is None:
                        return self._known
                    async with producer.transaction():
                        sent = await producer.send(
                            self._topic, dumps(record), key=record["segment_id"].encode(), partition=0
                        )
                        # The transaction's own error says what happened.
                        sent.add_done_callback(lambda each: each.cancelled() or each.exception())
                    await self._log.reach((await sent).offset + 1)
                    return self._known
                except KafkaError as error:
                    # Fenced by another writer, or Kafka was away: what is known may be old, so all of it again, after a
                    # time of chance, so that two writers do not fence each other for ever.
                    log.warning("definition not published yet", error=type(error).__name__)
                    await self._drop_producer()
                    await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_S * (number + 1)))
        raise away()

    async def _exclusive_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                transactional_id=self._transactional_id,
                transaction_timeout_ms=_TRANSACTION_MS,
            )
            try:
                await asyncio.wait_for(producer.start(), _PATIENCE_S)
            except (TimeoutError, KafkaError) as error:
                await producer.stop()
                raise away() from error
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                await producer.stop()

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        try:
            record: DefinitionRecord = loads(value or b"")
            document = record["definition"]
            definition = None if document is None else parse(document)
            stored = Stored(record["version"], document, definition, record["updated_at"])
        except (JSONDecodeError, KeyError, TypeError, DefinitionError):
            log.error("a record of the definitions' topic is not a definition; it is left out", segment=repr(key))
            return
        self._known[record["segment_id"]] = stored


def living(known: Known) -> dict[str, Stored]:
    """Return the segments that were not deleted, by id."""
    return {id_: stored for id_, stored in sorted(known.items()) if stored.document is not None}


def definitions(known: Known) -> dict[str, Definition]:
    """Return the parsed definitions of the segments that were not deleted, by id."""
    return {id_: stored.definition for id_, stored in known.items() if stored.definition is not None}


def checked(document: Any, known: Known) -> Definition:
    """Return the definition of a document, checked together with the others. Raises `Problem` (invalid)."""
    own = document.get("id") if isinstance(document, dict) else None
    try:
        return parse(document, {id_: other for id_, other in definitions(known).items() if id_ != own})
    except DefinitionError as error:
        raise invalid(error) from error


def checked_where(where: Any, known: Mapping[str, Definition]) -> Clause:
    """Return the clause of a document's `where` alone. Raises `Problem` (invalid)."""
    try:
        clause = parse_where(where)
    except DefinitionError as error:
        raise invalid(error) from error
    if found := reference_problem("", clause, known):
        raise invalid(DefinitionError([DefinitionProblem("where", found[1])]))
    return clause


def invalid(error: DefinitionError) -> Problem:
    """Return the refusal of a document, naming every place that is wrong."""
    problems = [{"path": problem.path, "message": problem.message} for problem in error.problems]
    return Problem("invalid", str(error), problems=problems)


def defined(id_: str, document: dict[str, Any] | None, version: int, at: str) -> DefinitionRecord:
    """Return the record that publishes a version of a segment."""
    return {
        "schema_version": SCHEMA_VERSION,
        "segment_id": id_,
        "version": version,
        "definition": document,
        "updated_at": at,
    }
