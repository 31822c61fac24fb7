"""The one way in: messages of any origin become records, and are answered when Kafka has them.

Tracking calls, pixels, imports and webhooks all end here. A message that cannot be an event becomes a dead letter and
costs nothing but itself.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from orjson import dumps
from prometheus_client import Counter

from ingest.canonical import Event, Reception, RefusedError, Rejection, Unfit, event_of, random_id
from ingest.dead_letters import dead_letter
from ingest.producer import Log, Record
from ingest.text import NotJsonError, check_levels, json_bytes
from schemas.metrics import counter
from schemas.times import to_iso
from schemas.topics import Topics

log = structlog.get_logger(__name__)


class Intake:
    """Turns messages into records and hands them to the log."""

    def __init__(self, records: Log, topics: Topics, new_id: Callable[[], str] = random_id) -> None:
        self._records = records
        self._topics = topics
        self._new_id = new_id
        self._events = _Labelled(counter("kith_collector_events_total"))
        self._letters = _Labelled(counter("kith_collector_dead_letters_total"))

    def submit(self, messages: Iterable[Any], reception: Reception, raw: bytes = b"") -> asyncio.Future[None] | None:
        """Hand messages over; the future is done when all are safe, None means that there was nothing to keep.

        What is `Unfit` among them becomes a dead letter as it is.

        `raw` is the JSON the messages come from. Raises `NotJsonError` when it nests too deep, `UnavailableError` when
        Kafka takes nothing now: in both cases none of the messages was handed over.
        """
        name, limit, topics = reception.source.name, reception.source.limits.event_bytes, self._topics.events
        records: list[Record] = []
        accepted: dict[str, int] = {}
        rejected: dict[str, int] = {}
        for message in messages:
            try:
                if type(message) is Unfit:
                    message, reason, why = message
                    raise RefusedError(reason, why)
                event = event_of(message, reception, self._new_id)
                value = _written(event, raw)
                # The canonical form has a few hundred bytes of its own, which are not the sender's fault.
                if len(value) > limit and (size := len(json_bytes(message))) > limit:
                    raise RefusedError("event_too_large", f"The event has {size} bytes; {limit} are allowed.")
            except RefusedError as refused:
                rejection = refused.rejection
            except NotJsonError:
                raise
            except Exception:
                # A fault of ours, not of the sender's; even so it must not cost the message's neighbours anything.
                log.exception("an event could not be read", source=name)
                rejection = Rejection("invalid_event", "The collector failed on this event; its log says where.")
            else:
                channel = event["channel"]
                records.append((topics[channel], event["seed"], value))
                accepted[channel] = accepted.get(channel, 0) + 1
                continue
            records.append((self._topics.rejected, name, self._letter(message, rejection, reception)))
            rejected[rejection.reason] = rejected.get(rejection.reason, 0) + 1
        if not records:
            return None
        acknowledged = self._records.write(records, reception.received)
        for channel, count in accepted.items():
            self._events.add(count, name, channel)
        for reason, count in rejected.items():
            self._letters.add(count, name, reason)
        return acknowledged

    def _letter(self, message: Any, rejection: Rejection, reception: Reception) -> bytes:
        if isinstance(message, dict) and reception.sent is not None and "sentAt" not in message:
            message = {**message, "sentAt": to_iso(reception.sent)}
        return json_bytes(dead_letter(reception.source.name, message, rejection, reception.received, self._new_id))


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
