"""The one way in: messages of any origin become records, and are answered when Kafka has them.

Tracking calls, pixels, imports, webhooks and replays all end here. A message that cannot be an event becomes a dead
letter and costs nothing but itself.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from orjson import dumps
from prometheus_client import Counter

from ingest.answers import Refused
from ingest.canonical import Event, Reception, RefusedError, Rejection, Unfit, event_of, random_id
from ingest.dead_letter_limits import DeadLetterLimits
from ingest.dead_letters import dead_letter
from ingest.plan_folder import PlanFolder
from ingest.planning import Planning
from ingest.producer import Log, Record
from ingest.text import NotJsonError, check_levels, json_bytes
from schemas.metrics import counter
from schemas.times import to_iso
from schemas.topics import Topics

log = structlog.get_logger(__name__)

NewId = Callable[[], str]
_SUPPRESSED = "suppressed"


class Intake:
    """Turns messages into records and hands them to the log."""

    def __init__(
        self,
        records: Log,
        topics: Topics,
        plans: PlanFolder,
        new_id: NewId = random_id,
        keeps_out: Callable[[Event], bool] = lambda event: False,
    ) -> None:
        self._records = records
        self._topics = topics
        self._planning = Planning(plans)
        self._new_id = new_id
        self._keeps_out = keeps_out
        self._limits = DeadLetterLimits()
        self._events = _Labelled(counter("kith_collector_events_total"))
        self._letters = _Labelled(counter("kith_collector_dead_letters_total"))

    def submit(
        self,
        messages: Iterable[Any],
        reception: Reception,
        raw: bytes = b"",
        told: list[tuple[int, Rejection]] | None = None,
    ) -> asyncio.Future[None] | None:
        """Hand messages over; the future is done when all are safe, None means that there was nothing to keep.

        What is `Unfit` among them becomes a dead letter as it is; `told` gets index and reason of every dead letter.
        `raw` is the JSON the messages come from. Raises `NotJsonError` when it nests too deep, `UnavailableError` when
        Kafka takes nothing now, `Refused` when all of them are dead letters beyond the source's limit: in each case
        none of the messages was handed over.
        """
        name, new_id, rejected_topic = reception.name, self._new_id, self._topics.rejected
        records: list[Record] = []
        accepted: dict[str, int] = {}
        rejected: dict[str, int] = {}
        dropped = suppressed = 0
        for message in messages:
            found = self.read(message, reception, raw, new_id)
            if not isinstance(found, Rejection):
                event, record = found
                records.append(record)
                channel = event["channel"]
                accepted[channel] = accepted.get(channel, 0) + 1
                continue
            if told is not None:
                told.append((len(records) + dropped + suppressed, found))
            if found.reason == _SUPPRESSED:
                # No dead letter either: it would keep what nobody may keep.
                suppressed += 1
                continue
            letter = self._letter(message, found, reception)
            if self._limits.take(reception.source, len(letter), reception.received):
                records.append((rejected_topic, name, letter))
                rejected[found.reason] = rejected.get(found.reason, 0) + 1
            else:
                dropped += 1
        if dropped and not records:
            raise Refused(
                429,
                "too_many_dead_letters",
                "More of what this source sends is rejected than is kept: see /v1/dead-letters and mend the sender.",
                retry_after=self._limits.WAIT_S,
            )
        if suppressed:
            counter("kith_collector_suppressed_total").labels(name).inc(suppressed)
        if not records:
            return None
        acknowledged = self._records.write(records, reception.received)
        for channel, count in accepted.items():
            self._events.add(count, name, channel)
        for reason, count in rejected.items():
            self._letters.add(count, name, reason)
        return acknowledged

    def read(self, message: Any, reception: Reception, raw: bytes, new_id: NewId) -> tuple[Event, Record] | Rejection:
        """Return the event of one message with its record, or why there is none. Raises `NotJsonError` only."""
        try:
            if type(message) is Unfit:
                return Rejection(message.reason, message.message)
            event = event_of(message, reception, new_id)
            if self._keeps_out(event):
                return Rejection(_SUPPRESSED, "Somebody whom this event names has asked to be kept out.")
            if (fault := self._planning.check(event, reception.source)) is not None:
                return fault
            value = _written(event, raw)
            # The canonical form has a few hundred bytes of its own, which are not the sender's fault.
            limit = reception.source.limits.event_bytes
            if len(value) > limit and (size := len(json_bytes(message))) > limit:
                return Rejection("event_too_large", f"The event has {size} bytes; {limit} are allowed.")
        except RefusedError as refused:
            return refused.rejection
        except NotJsonError:
            raise
        except Exception:
            # A fault of ours, not of the sender's; even so it must not cost the message's neighbours anything.
            log.exception("an event could not be read", source=reception.name)
            return Rejection("invalid_event", "The collector failed on this event; its log says where.")
        return event, (self._topics.events[event["channel"]], event["seed"], value)

    def _letter(self, message: Any, rejection: Rejection, reception: Reception) -> bytes:
        if type(message) is Unfit:
            message = message.payload
        if isinstance(message, dict):
            if reception.historical:
                # When it is replayed its time is the one that it gives, as it would have been.
                message = {key: value for key, value in message.items() if key != "sentAt"}
            elif reception.sent is not None and "sentAt" not in message:
                message = {**message, "sentAt": to_iso(reception.sent)}
        return json_bytes(dead_letter(reception.name, message, rejection, reception.received))


def _written(event: Event, raw: bytes) -> bytes:
    try:
        return dumps(event)
    except TypeError:
        # The fast writer stops at 254 levels, which is more than anybody sends; whoever does may go on to 512.
        check_levels(raw)
        return json_bytes(event)


class _Labelled:
    """A counter that remembers its labelled children, so that counting costs no look-up by label names."""

    def __init__(self, metric: Counter) -> None:
        self._metric = metric
        self._children: dict[tuple[str, str], Counter] = {}

    def add(self, count: int, *labels: str) -> None:
        key = (labels[0], labels[1])
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._metric.labels(*key)
        child.inc(count)
