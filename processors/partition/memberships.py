"""A profile's memberships: what has been told of each segment, and what changes now.

Kept in the profile's state as `{segment_id: [sequence, at, next]}`: `sequence` and `at` (ms) of the last change that
was published, `next` (ms) the instant at which it may change if nothing happens.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from processors.partition.context import Context
from processors.partition.touch import Touch
from processors.profile.fragment import Fragment
from processors.profile.source import source_of
from processors.segments.changes import NEVER_TOLD, Membership, because_of, transition
from processors.segments.context import Context as Surroundings
from processors.segments.evaluate import affected, changed_fields, evaluate
from processors.segments.timeline import Truth
from processors.segments.windows import Merged
from schemas.codec import dumps
from schemas.records import Because
from schemas.times import to_iso

State = dict[str, Any]


class Memberships:
    """Evaluates segments for the profiles of one unit and publishes the changes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def of(self, state: State) -> dict[str, list[int]]:
        """Return the segments that the profile is in, as published: `{segment_id: [sequence, at]}`."""
        return {segment: known[:2] for segment, known in state["m"].items() if known[0] % 2}

    def shown(self, state: State) -> list[dict[str, Any]]:
        """Return the memberships as the profile shows them."""
        return [
            {"id": segment, "since": to_iso(known[1])} for segment, known in sorted(state["m"].items()) if known[0] % 2
        ]

    def due(self, state: State) -> list[str]:
        """Return the segments whose timer has come."""
        now = self._context.now
        return [segment for segment, known in state["m"].items() if known[2] is not None and known[2] <= now]

    def next_due(self, state: State) -> int | None:
        """Return the earliest instant at which one of the memberships may change by itself."""
        return min((known[2] for known in state["m"].values() if known[2] is not None), default=None)

    def stand(self, state: State, segments: Iterable[str], document: dict[str, Any], history: Merged) -> bool:
        """Tell whether newly defined segments change nothing here. `document` may be empty where histories decide."""
        compiled, held = self._context.compiled, state["m"]
        members = {segment: known[0] % 2 == 1 for segment, known in held.items()}
        context = Surroundings(document, history, self._context.now, members)
        for segment in segments:
            each = compiled.segments.get(segment)
            if each is None:
                if segment in held:
                    return False
                continue
            member, _, following, _ = each.root.test(context)
            if member is not members.get(segment, False) or following != (
                held[segment][2] if segment in held else None
            ):
                return False
        return True

    def evaluate(
        self,
        state: State,
        document: dict[str, Any],
        before: dict[str, Any],
        merged: Fragment,
        history: Merged,
        reason: Touch,
    ) -> None:
        """Evaluate what the batch may have changed; `before` is the profile as last published, {} if it was not.

        `document` shows what `merged`, the profile's fragments together, say.
        """
        compiled = self._context.compiled
        arrived = state.get("arrived", {})
        ids: Iterable[str] | None = None
        if reason.tokens is not None:
            tokens = dict.fromkeys(changed_fields(compiled, before, document))
            ids = dict.fromkeys([*self.due(state), *affected(compiled, [*reason.tokens, *tokens]), *reason.segments])
            if not ids:
                return
        members = {segment: known[0] % 2 == 1 for segment, known in state["m"].items()}
        truths = evaluate(
            compiled,
            ids,
            document,
            history,
            self._context.now,
            members,
            before=before,
            at=reason.at,
            event_id=reason.event_id,
            source=partial(source_of, merged),
        )
        sources = {segment: sender for sender, told in reversed(arrived.items()) for segment in told}
        held = state["m"]
        for segment, truth in truths.items():
            member, since, following, _ = truth
            known = held.get(segment)
            # Most truths are what was said before.
            if known is None:
                if not member:
                    if following is not None:
                        held[segment] = [0, None, following]
                    continue
            elif (known[0] % 2 == 1) is member:
                if known[0] or following is not None:
                    known[2] = following
                else:
                    del held[segment]
                continue
            because = self._because(reason, truth)
            if member and segment in sources:
                because = {"kind": "identity", "moved_from": sources[segment]}
            self._tell(state, document, segment, member, since, because, following)
        for segment in reason.segments:
            if segment in state["m"] and segment not in self._context.observing.segments:
                self._tell(state, document, segment, False, None, {"kind": "definition"}, None)

    def _because(self, reason: Touch, truth: Truth) -> Because:
        if reason.kind != "event":
            return {"kind": reason.kind}  # type: ignore[typeddict-item]
        _, since, _, event_id = truth
        return because_of(event_id, since, reason.event_id)

    def _tell(
        self,
        state: State,
        document: dict[str, Any],
        segment: str,
        member: bool,
        since: int | None,
        because: Because,
        following: int | None,
    ) -> None:
        known = state["m"].get(segment)
        before = Membership(known[0], known[1]) if known else NEVER_TOLD
        compiled = self._context.compiled.segments.get(segment)
        after, change = transition(
            before,
            member,
            profile_id=document["profile_id"],
            segment_id=segment,
            version=compiled.version if compiled else 0,
            since=since,
            now=self._context.now,
            because=because,
            identifiers=document["identifiers"],
            aliases=document["aliases"],
        )
        if change is not None:
            self._context.send(self._context.topics.changes, document["profile_id"], dumps(change))
            self._context.count(f"segment_{change['change']}")
        if after.sequence or following is not None:
            state["m"][segment] = [after.sequence, after.at, following]
        else:
            state["m"].pop(segment, None)

    def erase(self, state: State, profile_id: str, aliases: list[str]) -> dict[str, int]:
        """Exit every segment of a profile that is erased, naming nobody; return the number of the last change of each.

        The numbers stay in the state, so that they go on without a gap should the id come back.
        """
        document = {"profile_id": profile_id, "identifiers": [], "aliases": aliases}
        for segment in self.of(state):
            self._tell(state, document, segment, False, None, {"kind": "erasure"}, None)
        state["m"] = {segment: [known[0], known[1], None] for segment, known in state["m"].items() if known[0]}
        return {segment: known[0] for segment, known in state["m"].items()}

    def leave(self, state: State, document: dict[str, Any], successor: str, outcome: dict[str, str]) -> None:
        """Exit every segment of a profile that has ceased; those that go on under `successor` say so."""
        for segment in self.of(state):
            because: Because = {"kind": "identity"}
            if outcome.get(segment) == "moved":
                because["moved_to"] = successor
            self._tell(state, document, segment, False, None, because, None)
