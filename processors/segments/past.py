"""Since when a profile's fields are what they are: the person's events folded one after the other.

The stream need not know this: it publishes a change when it happens. An explanation asks afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from processors.profile import fragment as fragments
from processors.profile import merge, orders
from processors.profile.view import profile_view
from processors.segments.fields import Getter, Profile
from schemas.identifier import seed_of
from schemas.times import to_millis

Event = Mapping[str, Any]


class Step(NamedTuple):
    """An event at which a field's value changed: its time (ms), its id, and the profile before it."""

    t: int
    event_id: str
    before: Profile


class Past:
    """The steps of each of these fields, `(token, group, reader)`, oldest first.

    `events` are the person's, in any order; those later than `now` have not happened yet.
    """

    def __init__(self, fields: Iterable[tuple[str, str, Getter]], events: Sequence[Event], now: int) -> None:
        self._fields = list(fields)
        self._groups = sorted({group for _, group, _ in self._fields})
        self._steps: dict[str, list[Step]] = {token: [] for token, _, _ in self._fields}
        if self._fields:
            timed = sorted(
                (to_millis(event["occurred_at"]), event["message_id"], event["event_id"]) for event in events
            )
            by_id = {event["event_id"]: event for event in events}
            self._fold([(t, by_id[event_id]) for t, _, event_id in timed if t <= now])

    def steps(self, token: str) -> Sequence[Step]:
        """Return at which events a field changed."""
        return self._steps.get(token, ())

    def _fold(self, events: Iterable[tuple[int, Event]]) -> None:
        own = fragments.empty()
        states: dict[str, orders.OrderState] = {}
        summaries: dict[str, fragments.Fragment] = {}
        before: Profile = {}
        for t, event in events:
            known = dict(event)
            fragments.fold(own, known, t)
            if (identifier := orders.order_of(known)) is not None:
                seed = seed_of(identifier)
                state = states[seed] = orders.fold_order(states.get(seed), known, t)
                summaries[seed] = orders.fragment_of_order(state)
            after = self._viewed([own, *summaries.values()])
            for token, group, get in self._fields:
                if get(before.get(group) or {}) != get(after.get(group) or {}):
                    self._steps[token].append(Step(t, event["event_id"], before))
            before = after

    def _viewed(self, parts: list[fragments.Fragment]) -> dict[str, Any]:
        """Return the groups of the profile that the fields are in, apart from the fragment, which goes on changing."""
        view = profile_view(merge.merge(parts), profile_id="", roster=(), aliases=(), segments=(), version=0)
        return {group: deepcopy(view[group]) for group in self._groups}
