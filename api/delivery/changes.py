"""Segment changes as server-sent events, from any place in the stream, in order per profile, without a gap."""

from collections.abc import AsyncIterator, Mapping

from aiokafka.errors import KafkaError

from api.delivery.cursor import Positions, positions_of, text_of
from api.delivery.tail import Change, Tail, change_of, reader
from api.followed import away
from processors.erasure.masks import Masks
from schemas.errors import Problem
from schemas.settings import Settings

HEARTBEAT_S = 15.0
_AT_ONCE = 500


class Changes:
    """Serves the stream to any number of subscribers."""

    def __init__(self, settings: Settings, masks: Masks | None = None) -> None:
        self._masks = Masks() if masks is None else masks
        self._bootstrap = settings.bootstrap
        self._topic = settings.topics.changes
        self.tail = Tail(settings.bootstrap, self._topic, self._masks)

    async def start(self) -> None:
        """Begin to read the newest changes."""
        await self.tail.start()

    async def stop(self) -> None:
        """Stop reading; streams end."""
        await self.tail.stop()

    async def subscribe(
        self, after: str | None, segments: frozenset[str] | None, include_moves: bool
    ) -> AsyncIterator[bytes]:
        """Return the stream after a cursor, from now on without one; `segments` None means all.

        Raises `Problem` for a cursor that is none or whose place the log has not (invalid-cursor), and without Kafka.
        """
        return self._stream(_Subscriber(await self.positions(after), segments, include_moves))

    async def positions(self, after: str | None) -> Positions:
        """Return the place of a cursor; of None, the log's end. Raises `Problem` as `subscribe` does."""
        try:
            bounds = await self.tail.bounds()
        except (KafkaError, TimeoutError) as error:
            raise away() from error
        if after is None:
            return {partition: end for partition, (_, end) in bounds.items()}
        positions = positions_of(after)
        check(positions, bounds)
        return positions

    async def _stream(self, subscriber: "_Subscriber") -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        while True:
            if not self.tail.covers(subscriber.positions):
                async for frames in self._catch_up(subscriber):
                    yield frames
            async for frames in self._follow(subscriber):
                yield frames

    async def _catch_up(self, subscriber: "_Subscriber") -> AsyncIterator[bytes]:
        """Read the log itself until the ring has all that is missing."""
        consumer = reader(self._bootstrap, self._topic)
        try:
            await consumer.start()
            for place in consumer.assignment():
                consumer.seek(place, subscriber.positions.get(place.partition, 0))
            while not self.tail.covers(subscriber.positions):
                frames = []
                for place, records in (await consumer.getmany(timeout_ms=1000, max_records=_AT_ONCE)).items():
                    for record in records:
                        change = change_of(record, self._masks)
                        subscriber.positions[place.partition] = record.offset + 1
                        if change is not None and subscriber.wants(change):
                            frames.append(frame(change, text_of(subscriber.positions)))
                for place in consumer.assignment():
                    # Transaction markers too: behind the last change there may be nothing but these.
                    subscriber.positions[place.partition] = await consumer.position(place)
                if frames:
                    yield b"".join(frames)
        finally:
            await consumer.stop()

    async def _follow(self, subscriber: "_Subscriber") -> AsyncIterator[bytes]:
        """Follow the ring until it has lost what comes next."""
        number = self.tail.first
        while number >= self.tail.first:
            changes = self.tail.since(number, _AT_ONCE)
            if not changes:
                await self.tail.news(HEARTBEAT_S)
                if self.tail.next == number:
                    # An id without data: the client's next `Last-Event-ID` is this place.
                    yield b"id: " + text_of(subscriber.positions).encode() + b"\n\n"
                continue
            number += len(changes)
            frames = [text for change in changes if (text := subscriber.frame_of(change))]
            if frames:
                yield b"".join(frames)


def check(positions: Positions, bounds: Mapping[int, tuple[int, int]]) -> None:
    """Raise `Problem` (invalid-cursor) unless the log has these positions; `bounds` are its beginnings and ends."""
    for partition, offset in positions.items():
        beginning, end = bounds.get(partition, (0, -1))
        if offset > end:
            raise Problem("invalid-cursor", "The cursor is not of this log; start from `beginning` or from members.")
        if offset < beginning:
            raise Problem("invalid-cursor", "The log no longer reaches back to this cursor; start from members.")


class _Subscriber:
    """One stream: how far it is, and what it wants."""

    def __init__(self, positions: Positions, segments: frozenset[str] | None, include_moves: bool) -> None:
        self.positions = positions
        self._segments = segments
        self._include_moves = include_moves

    def wants(self, change: Change) -> bool:
        """Tell whether the subscriber asked for this change."""
        return (self._segments is None or change.segment_id in self._segments) and (
            self._include_moves or not change.moved
        )

    def frame_of(self, change: Change) -> bytes | None:
        """Return the event of a change that is new to the subscriber and wanted, and move on behind it."""
        if change.offset < self.positions.get(change.partition, 0):
            return None
        self.positions[change.partition] = change.offset + 1
        return frame(change, text_of(self.positions)) if self.wants(change) else None


def frame(change: Change, cursor: str) -> bytes:
    """Return the server-sent event of a change; `cursor` is the place behind it."""
    return b"event: segment.change\nid: " + cursor.encode() + b"\ndata: " + change.data + b"\n\n"
