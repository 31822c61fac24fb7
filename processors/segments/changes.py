"""Entered and exited: what one profile has been told about one segment, and the record that follows from a change.

Per profile and segment the changes alternate and are numbered 1, 2, 3 without gaps (odd: entered); their ids follow
from profile, segment and number, so a record that is sent again is recognised by its `change_id`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.codec import SCHEMA_VERSION
from schemas.identifier import uuid5_text
from schemas.records import Because, SegmentChange
from schemas.times import to_iso


class Membership(NamedTuple):
    """What has been published of a profile and a segment; JSON writes it as `[sequence, at]`."""

    sequence: int = 0
    at: int | None = None  # instant of the latest change, milliseconds

    @property
    def member(self) -> bool:
        """Tell whether the latest change was an entry."""
        return self.sequence % 2 == 1


NEVER_TOLD = Membership()


def change_id(profile_id: str, segment_id: str, sequence: int) -> str:
    """Return the id of a change, the same whenever and wherever it is computed."""
    return uuid5_text(f"segment.change:{profile_id}:{segment_id}:{sequence}")


def because_of(event_id: str | None, since: int | None, trigger: str | None) -> Because:
    """Return why a verdict (its `because` and `since`) differs from what was published, while `trigger` was folded.

    A verdict that knows since when, but no event, came about by time, also if it was noticed at an event.
    """
    found = event_id if event_id is not None or since is not None else trigger
    return {"kind": "time"} if found is None else {"kind": "event", "event_id": found}


def transition(
    known: Membership,
    member: bool,
    *,
    profile_id: str,
    segment_id: str,
    version: int,
    since: int | None,
    now: int,
    because: Because,
    identifiers: Sequence[dict[str, Any]] = (),
    aliases: Sequence[str] = (),
) -> tuple[Membership, SegmentChange | None]:
    """Return the membership after a verdict, and the change to publish if it differs from what was published.

    `since` is the instant at which it became so (None: not known, then `now`); the change's `at` is that instant, never
    later than `now` and never before the previous change of the pair.
    """
    if member is known.member:
        return known, None
    at = now if since is None or since > now else since
    if known.at is not None and at < known.at:
        at = known.at
    sequence = known.sequence + 1
    change: SegmentChange = {
        "schema_version": SCHEMA_VERSION,
        "change_id": change_id(profile_id, segment_id, sequence),
        "segment_id": segment_id,
        "segment_version": version,
        "profile_id": profile_id,
        "change": "entered" if member else "exited",
        "sequence": sequence,
        "at": to_iso(at),
        "because": because,
        "identifiers": list(identifiers),
        "aliases": list(aliases),
    }
    return Membership(sequence, at), change
