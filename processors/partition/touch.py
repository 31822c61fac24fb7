"""Why something changed in a batch."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Touch:
    """Why a fragment or profile changed: its newest event, and what a segment may have noticed."""

    kind: str = "event"  # a kind of `records.Because`
    event_id: str | None = None
    at: int | None = None  # the event's time in ms
    tokens: dict[str, None] | None = field(default_factory=dict)  # None: anything may have changed
    segments: dict[str, None] = field(default_factory=dict)  # to be evaluated in any case
    only_defined: bool = False  # nothing has happened to the profile: `segments` are defined anew

    def add(self, other: "Touch") -> None:
        """Take in a later reason; one that is no event outranks the events beside it."""
        if other.event_id is not None:
            self.event_id, self.at = other.event_id, other.at
        if other.kind != "event":
            self.kind = other.kind
        if self.tokens is not None:
            self.tokens = None if other.tokens is None else self.tokens | other.tokens
        self.segments |= other.segments
        self.only_defined = self.only_defined and other.only_defined


def everything(kind: str) -> Touch:
    """Return the reason of a change that any segment may notice."""
    return Touch(kind, None, None, None)
