"""One unit's fold: a batch of records of partition p in, records to send and store writes out. No clock, no I/O.

The shell reads, asks the archive, sends and writes; everything that decides what is sent and written is beneath
`Partition`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from processors.erasure.masks import Masks
from processors.partition.context import Context, level_of
from processors.partition.decode import Decoded, decode
from processors.partition.duplicates import REMEMBERED_DAYS, Seen, conflict, is_old
from processors.partition.effects import Effects, Reader, Record
from processors.partition.forget import ANSWERS, Forgetting
from processors.partition.keys import (
    JOBS,
    POSITIONS,
    TIMERS,
    home_key,
    job_key,
    profile_key,
    seed_key,
    seen_key,
    timer_of,
)
from processors.partition.messages import Item
from processors.partition.orders import Orders
from processors.partition.profiles import Profiles
from processors.partition.review import Review
from processors.partition.rollout import JOB, Rollout
from processors.partition.seeds import Seeds
from processors.partition.working import Working
from processors.segments.compile import Compiled, compile_set
from schemas.codec import dumps, loads
from schemas.times import to_millis
from schemas.topics import Topics

# The most timers in one batch, so that a million that are due at once do not make one transaction.
TIMERS_A_BATCH = 2000


class Partition:
    """The fold of unit `number`. One batch at a time: `start`, any number of inputs, `finish`."""

    def __init__(
        self,
        number: int,
        partitions: int,
        locate: Callable[[str], int],
        topics: Topics,
        reader: Reader,
        masks: Masks | None = None,
    ) -> None:
        self._working = Working(reader)
        compiled = compile_set({})
        self._masks = Masks() if masks is None else masks
        self._context = Context(number, locate, topics, self._working, compiled, compiled, self._masks)
        self._topics = topics
        self._event_topics = frozenset(topics.events.values())
        self._seen = Seen(self._working)
        self._seeds = Seeds(self._context)
        self._orders = Orders(self._context, self._seeds)
        self._profiles = Profiles(self._context)
        self._forgetting = Forgetting(self._context, partitions, self._seeds, self._orders, self._profiles, self._seen)
        self._rollout = Rollout(
            self._context,
            partitions,
            Review(self._context, self._profiles).look,
            self._seeds.fold_leaves,
            self._seeds.drop_leaves,
        )
        raw = reader.get(POSITIONS)
        self.positions: dict[str, int] = loads(raw) if raw else {}
        self._expired_day = 0
        self._decoded: dict[tuple[str, int], Decoded | str] = {}

    def fold(self, records: Sequence[Record], now: int, archived: Mapping[str, bytes]) -> Effects:
        """Fold a batch of log records, in the order in which they were read, and the timers due at `now` (ms).

        `archived` holds, for events older than a day when they were received, the digest of the delivery that the
        archive has, by event id.
        """
        self._context.now = now
        for record in records:
            self._record(record, archived)
        self._tick()
        return self._finish()

    def _record(self, record: Record, archived: Mapping[str, bytes]) -> None:
        if record.value is not None:
            if record.topic in self._event_topics:
                self._event(record, record.value, archived)
            elif record.topic == self._topics.inbox:
                message = loads(record.value)
                for item in message["items"]:
                    self._item(message["to"], item)
            elif record.topic == self._topics.assignments:
                self._seeds.assign(loads(record.value))
        self.positions[record.topic] = record.offset + 1

    def old_events(self, records: Sequence[Record]) -> list[tuple[str, str, str, int]]:
        """Return `(seed, event id, topic, offset)` of the events that only the archive can tell to be new.

        Decodes the batch, for the fold that follows, and reads what it will need in one go.
        """
        found = []
        ids: list[tuple[bytes, int]] = []
        seeds: dict[str, None] = {}
        for record in records:
            if record.value is None or record.topic not in self._event_topics:
                continue
            decoded = self._decoded[record.topic, record.offset] = decode(record.value)
            if not isinstance(decoded, str):
                event, t, received, event_id = decoded
                ids.append((event_id, received))
                seeds[event["seed"]] = None
                if is_old(t, received):
                    found.append((event["seed"], event["event_id"], record.topic, record.offset))
        self._seen.prefetch(ids)
        self._working.prefetch([key for seed in seeds for key in (seed_key(seed), home_key(seed), profile_key(seed))])
        return found

    def _event(self, record: Record, value: bytes, archived: Mapping[str, bytes]) -> None:
        context = self._context
        decoded = self._decoded.pop((record.topic, record.offset), None) or decode(value)
        if isinstance(decoded, str):
            context.reject("worker", "undecodable", decoded, value)
            return
        event, t, received, event_id = decoded
        seen = event if received > self._masks.until else self._masks.apply(event, t, received)
        if seen is None:
            context.count("masked")
            return
        counted = self._seen.check(event, event_id, received, archived.get(event["event_id"]))
        if counted is None:
            self._seeds.event(seen, t)
            context.count("events")
            return
        context.count("duplicates")
        if conflict(event, counted) is not None:
            message = f"Message {event['message_id']!r} came again with another body."
            context.reject(event["source"], "conflicting_duplicate", message, value if seen is event else dumps(seen))

    def _item(self, to: str, item: Item) -> None:
        level = level_of(item[0])
        kind = item[0]
        if level == "profile":
            if kind == "part":
                self._profiles.part(to, item)
            else:
                getattr(self._profiles, kind)(to, *item[1:])
        elif level == "seed":
            getattr(self._seeds, kind)(to, *item[1:])
        elif level == "erasure":
            getattr(self._forgetting, kind)(to, *item[1:])
        elif kind == "backfilled":
            self._rollout.backfilled(item[1], item[2])
        elif kind == "dropped":
            self._rollout.dropped(item[1], item[2])
        elif kind == "lost":
            self._lost(to, *item[1:])
        elif kind == "released":
            self._seeds.sightings.released(item[1], item[2], item[3])
        elif kind == "order":
            self._orders.event(to, item[1], item[2])
        else:
            self._orders.owner(to, item[1], item[2])

    def _lost(self, seed: str, event_id: str, topic: str, offset: int, received: int) -> None:
        """Take out an event whose id somebody else's event has in the archive; leave it out if it is still to come."""
        if self.positions.get(topic, 0) > offset:
            self._seeds.fold_anew(seed)
        else:
            self._seen.bar(event_id, received)

    def _tick(self) -> None:
        now = self._context.now
        found = []
        for key, _ in self._working.reader.scan(TIMERS, TIMERS + (now + 1).to_bytes(8, "big")):
            found.append(timer_of(key))
            if len(found) == TIMERS_A_BATCH:
                break
        for due, profile_id in found:
            self._profiles.due(profile_id, due)

    def answer(self, name: str, job: Mapping[str, Any], rows: Sequence[bytes], now: int) -> Effects:
        """Fold the archive's answer to the question `name`: the seed's events before the question's positions."""
        self._context.now = now
        if job["kind"] == JOB:
            events = [loads(row) for row in rows]
            return self._finish(asked=self._rollout.answer(job, events, self._event_positions()))
        self._working.put_raw(job_key(name), None)
        if job["kind"] in ANSWERS:
            self._forgetting.answer(job, rows)
        else:
            self._answer_events(job, self._seen_of(rows))
        return self._finish()

    def _answer_events(self, job: Mapping[str, Any], events: list[dict[str, Any]]) -> None:
        if job["kind"] == "refold":
            self._seeds.refold(job["seed"], events)
        elif job["kind"] == "released":
            self._seeds.sightings.evidence_of(job["identifier"], events)
        else:
            self._seeds.sightings.logins(job["weak"], events)

    def _seen_of(self, rows: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return archived events as the masks let them be seen."""
        events = []
        for row in rows:
            event = loads(row)
            t, received = to_millis(event["occurred_at"]), to_millis(event["received_at"])
            seen = self._masks.apply(event, t, received)
            if seen is not None:
                events.append(seen)
        return events

    def define(self, compiled: Compiled, now: int) -> Effects:
        """Go over to another set of definitions."""
        self._context.now = now
        return self._finish(asked=self._rollout.define(compiled, self._event_positions()))

    @property
    def sweeping(self) -> bool:
        """Tell whether there are profiles to be looked at because definitions changed."""
        return self._rollout.sweeping

    def sweep(self, now: int) -> Effects:
        """Look at the next profiles."""
        self._context.now = now
        return self._finish(asked=self._rollout.sweep(self._event_positions()))

    def _event_positions(self) -> dict[str, int]:
        return {topic: self.positions.get(topic, 0) for topic in self._topics.events.values()}

    def _finish(self, asked: bool = False) -> Effects:
        """Carry every change to whoever it concerns, until nothing moves inside this unit any more, and return the
        effects.
        """
        context = self._context
        while True:
            self._orders.publish()
            self._seeds.hand_over()
            if not context.local:
                self._profiles.settle()
                if not context.local:
                    break
            while context.local:
                to, item = context.local.popleft()
                self._item(to, item)
        questions = dict(self._seeds.questions)
        self._seeds.questions.clear()
        for name, job in questions.items():
            self._ask(name, job)
        counts, context.counts = context.counts, {}
        self._working.put_raw(POSITIONS, dumps(self.positions))
        return Effects(
            context.take_sends(),
            self._working.take_writes(),
            self._seen.take_added(),
            self._expire(),
            asked or bool(questions),
            counts,
        )

    def _ask(self, name: str, job: dict[str, Any]) -> None:
        """Put a question to the archive, unless it is there already and will be answered with everything until now."""
        question = dumps({"positions": self._event_positions(), **job})
        while (waiting := self._working.get_raw(job_key(name))) is not None:
            # A seed that waits to be folded anew keeps what has come since it asked. Other answers end where they were
            # asked for, so what came between is asked for too: somebody wants to hear all of it again.
            if job["kind"] == "refold" or waiting == question:
                return
            name += "+"
        self._working.put_raw(job_key(name), question)
        if job["kind"] == "refold":
            self._seeds.start_buffer(job["seed"])

    def _expire(self) -> tuple[bytes, bytes] | None:
        day = self._seen.newest_day
        if day <= self._expired_day:
            return None
        self._expired_day = day
        return seen_key(0, b""), seen_key(day - REMEMBERED_DAYS, b"")

    def next_due(self) -> int | None:
        """Return the instant (ms) of the earliest timer in committed state, or None."""
        for key, _ in self._working.reader.scan(TIMERS, TIMERS + b"\xff"):
            return timer_of(key)[0]
        return None

    def pending_jobs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the questions to the archive that have not been answered, from committed state."""
        return [
            (key[len(JOBS) :].decode(), loads(value)) for key, value in self._working.reader.scan(JOBS, JOBS + b"\xff")
        ]
