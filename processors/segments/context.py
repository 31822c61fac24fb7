"""What a compiled clause reads while it is evaluated: one person at one instant."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from processors.segments.fields import Profile
from processors.segments.timeline import ALWAYS, NEVER, Truth


class Kept(Protocol):
    """A history, or several merged (`windows.Merged`): what it keeps for a leaf, or None."""

    def get(self, id_: str, /) -> Any:
        """Return what the history keeps for a leaf."""


class Context:
    """One person at one instant.

    `before` is the profile as it was before the event `event_id` at `at`; where a field differs from it, that is
    since when the clause is so; `source(group, name)` knows better where it returns the time and id of the event behind
    a field. `exact` asks for `since` and `next` as good as they are known; otherwise only
    `member` is exact, and `next` a lower bound.
    """

    __slots__ = ("at", "before", "event_id", "exact", "kept", "members", "now", "profile", "source", "truths")

    def __init__(
        self,
        profile: Profile,
        history: Kept,
        now: int,
        members: Mapping[str, bool],
        before: Profile | None = None,
        at: int | None = None,
        event_id: str | None = None,
        source: Callable[[str, str], tuple[int, str] | None] | None = None,
    ) -> None:
        self.profile = profile
        self.kept = history.get
        self.now = now
        self.members = members
        self.before = before
        self.at = now if at is None or at > now else at
        self.event_id = event_id
        self.source = source
        self.exact = False
        self.truths: dict[str, Truth] = {}

    def cause(self, group: str, name: str) -> tuple[int, str | None]:
        """Return the time and the id of the event that a field's change is due to."""
        found = None if self.source is None else self.source(group, name)
        if found is None:
            return self.at, self.event_id
        return min(found[0], self.now), found[1]

    def membership(self, segment_id: str) -> Truth:
        """Return whether the person is in another segment: as evaluated just now, else as it was known."""
        truth = self.truths.get(segment_id)
        if truth is not None:
            return truth
        return ALWAYS if self.members.get(segment_id) else NEVER
