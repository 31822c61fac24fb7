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
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

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
_CONNECTS_S = 3.0
_PATIENCE_S = 10.0
_LONGEST_WAIT_S = 5.0
# A transaction marker behind the last record is seen at the next look only.
_LOOK_MS = 50
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
        self._consumer: AIOKafkaConsumer | None = None
        self._connected = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._follower: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._position = 0
        self._write = asyncio.Lock()

    async def start(self) -> None:
        """Begin to follow the topic; Kafka may come later."""
        self._follower = asyncio.create_task(self._follow_for_ever())

    async def stop(self) -> None:
        """Stop following and writing."""
        if self._follower is not None:
            self._follower.cancel()
            with suppress(asyncio.CancelledError):
                await self._follower
        await self._drop_producer()

    async def known(self) -> Known:
        """Return every segment that was ever defined, as of now. Raises `Problem` (unavailable) without Kafka."""
        await self._catch_up()
        return self._known

    async def publish(self, decide: Decide) -> Known:
        """Publish what `decide` answers to the newest state, and return the state that follows.

        Raises what `decide` raises, and `Problem` (unavailable) without Kafka.
        """
        async with self._write:
            for number in range(_TRIES):
                try:
                    producer = await self._exclusive_producer()
                    await self._catch_up()
                    record = decide(self._known)
                    if record is None:
                        return self._known
                    async with producer.transaction():
                        sent = await producer.send(
                            self._topic, dumps(record), key=record["segment_id"].encode(), partition=0
                        )
                        # The transaction's own error says what happened.
                        sent.add_done_callback(lambda each: each.cancelled() or each.exception())
                    await self._reach((await sent).offset + 1)
                    return self._known
                except KafkaError as error:
                    # Fenced by another writer, or Kafka was away: what is known may be old, so all of it again, after a
                    # time of chance, so that two writers do not fence each other for ever.
                    log.warning("definition not published yet", error=type(error).__name__)
                    await self._drop_producer()
                    await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_S * (number + 1)))
        raise _away()

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
                raise _away() from error
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                await producer.stop()

    async def _catch_up(self) -> None:
        with suppress(TimeoutError):
            # A process that has just started connects in a moment.
            await asyncio.wait_for(self._connected.wait(), _CONNECTS_S)
        consumer = self._consumer
        if consumer is None:
            raise _away()
        place = TopicPartition(self._topic, 0)
        try:
            ends = await asyncio.wait_for(consumer.end_offsets([place]), _PATIENCE_S)
        except (TimeoutError, KafkaError) as error:
            raise _away() from error
        await self._reach(ends[place])

    async def _reach(self, position: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while self._position < position:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            raise _away() from error

    async def _follow_for_ever(self) -> None:
        delay = 0.1
        while True:
            try:
                await self._follow()
            except KafkaError as error:
                log.warning("definitions not followed yet", error=type(error).__name__, retry_s=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_WAIT_S)

    async def _follow(self) -> None:
        place = TopicPartition(self._topic, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=_LOOK_MS,
        )
        try:
            await consumer.start()
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            self._consumer = consumer
            self._connected.set()
            while True:
                batches = await consumer.getmany(timeout_ms=_LOOK_MS)
                for record in (record for records in batches.values() for record in records):
                    self._take(record.key, record.value)
                self._position = await consumer.position(place)
                self._moved.set()
        finally:
            self._connected.clear()
            self._consumer = None
            await consumer.stop()

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


def _away() -> Problem:
    return Problem("unavailable", "Kafka does not answer; try again in a moment.")
