"""The newest definition of every segment, read by every worker from the compacted topic, without a consumer group."""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from processors.segments.clauses import Definition
from processors.segments.compile import Compiled, compile_set
from processors.segments.definition import DefinitionError, parse
from schemas.codec import JSONDecodeError, loads
from schemas.settings import Settings

log = structlog.get_logger()


class Definitions:
    """Follows `segments.definitions`; `changed` is called with the compiled set whenever it has changed."""

    def __init__(self, settings: Settings, changed: Callable[[Compiled], None]) -> None:
        self._topic = TopicPartition(settings.topics.definitions, 0)
        self._bootstrap = settings.bootstrap
        self._changed = changed
        self._documents: dict[str, tuple[int, dict[str, object]]] = {}
        self.compiled: Compiled = compile_set({})
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Read for ever; `caught_up` is set once everything that was there at the start has been read."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            consumer.assign([self._topic])
            await consumer.seek_to_beginning(self._topic)
            end = (await consumer.end_offsets([self._topic]))[self._topic]
            while True:
                position = await consumer.position(self._topic)
                if position >= end and not self.caught_up.is_set():
                    self._compile()
                    self.caught_up.set()
                batches = await consumer.getmany(timeout_ms=250)
                for records in batches.values():
                    for record in records:
                        self._take(record.key, record.value)
                if batches and self.caught_up.is_set():
                    self._compile()
        finally:
            await consumer.stop()

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        segment = (key or b"").decode("utf-8", "replace")
        try:
            record = loads(value) if value else None
        except JSONDecodeError:
            log.error("a segment definition in the log is not JSON; it is left out", segment=segment)
            return
        if record is None or record.get("definition") is None:
            self._documents.pop(segment, None)
        else:
            self._documents[segment] = (record["version"], record["definition"])

    def _compile(self) -> None:
        """Compile what is known. A definition that no longer parses is left out with its reason, and costs no other."""
        parsed: dict[str, tuple[int, Definition]] = {}
        known: dict[str, Definition] = {}
        waiting = dict(self._documents)
        # References must be known before what refers to them: repeat until nothing more can be parsed.
        while waiting:
            before = len(waiting)
            for segment, (version, document) in list(waiting.items()):
                try:
                    known[segment] = parse(document, known)
                except DefinitionError as error:
                    reason = error
                    continue
                parsed[segment] = (version, known[segment])
                del waiting[segment]
            if len(waiting) == before:
                for segment in waiting:
                    log.error("a segment definition is not valid; it is left out", segment=segment, reason=str(reason))
                break
        self.compiled = compile_set(parsed)
        self._changed(self.compiled)
