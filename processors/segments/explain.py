"""Why a person is in a segment or not: each clause true or false, since when, by which event, and until when.

The tree mirrors the definition. It is made from the very closures that decide on the stream, so it cannot tell another
story. Since when a field of the profile is what it is, the stream has forgotten; `past` knows it from the events.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.segments.clauses import (
    All,
    AnyOf,
    Consent,
    Metric,
    Not,
    Reference,
    Trait,
    leaves_of,
    references_of,
)
from processors.segments.compile import Compiled, Node, combined, sorted_by_rank
from processors.segments.context import Context, Kept
from processors.segments.fields import Profile
from processors.segments.past import Event, Past
from processors.segments.profile_leaves import field_of
from processors.segments.timeline import Truth
from processors.segments.windows import event_ids
from schemas.times import to_iso

# Of the events that a clause rests on the newest are named; all of them are in the person's timeline.
MAX_EVENTS = 5
FieldClause = Trait | Metric | Consent
# Looking ahead stops here: so many things would have to begin and end without changing the clause.
MAX_STEPS = 100


def explain(
    compiled: Compiled, segment_id: str, profile: Profile, history: Kept, now: int, events: Sequence[Event] = ()
) -> dict[str, Any]:
    """Return the explanation of one person's membership at `now` (ms) as JSON.

    `{"segment_id", "version", "at", "member", "since", "changes_at", "where"}`; `where` is the definition's tree, each
    clause with `true`, `since` (null: as long as is known), `changes_at` (null: not by time alone), `because` (the
    event that made it so, null where time did) and, for events, `events`: the newest that it rests on. `events` are the
    person's, from which it is found since when the profile's fields are so. Raises `KeyError` for an unknown segment.
    """
    segment = compiled.segments[segment_id]
    worlds = _Worlds(compiled, segment_id, profile, history, events, now)
    tree = _explained(segment.root, segment.definition.document["where"], worlds, now)
    return {
        "segment_id": segment_id,
        "version": segment.version,
        "at": to_iso(now),
        "member": tree["true"],
        "since": tree["since"],
        "changes_at": tree["changes_at"],
        "where": tree,
    }


class _Worlds:
    """The person at several instants: as things are, and as time alone would make them."""

    def __init__(
        self,
        compiled: Compiled,
        segment_id: str,
        profile: Profile,
        history: Kept,
        events: Sequence[Event],
        now: int,
    ) -> None:
        self.compiled = compiled
        self.history = history
        self._profile = profile
        self._made: dict[int, Context] = {}
        needed = {segment_id: None}
        pending = [segment_id]
        while pending:
            for other in references_of(compiled.segments[pending.pop()].definition.where):
                if other in compiled.segments and other not in needed:
                    needed[other] = None
                    pending.append(other)
        self._needed = sorted_by_rank(compiled, needed)
        clauses = (clause for id_ in needed for clause in leaves_of(compiled.segments[id_].definition.where))
        fields = [field_of(clause) for clause in clauses if isinstance(clause, FieldClause)]
        by_token = {field.token: (field.token, field.group, field.get) for field in fields}
        self._past = Past(by_token.values(), events, now)

    def at(self, now: int) -> Context:
        """Return the person at an instant, with the segments that the explained one refers to."""
        context = self._made.get(now)
        if context is None:
            context = self._made[now] = Context(self._profile, self.history, now, {})
            context.exact = True
            for id_ in self._needed:
                context.truths[id_] = self.compiled.segments[id_].root.test(context)
        return context

    def truth(self, node: Node, now: int) -> Truth:
        """Return the truth of a clause with all that is known of when and why."""
        clause = node.clause
        if isinstance(clause, Not):
            member, since, following, event_id = self.truth(node.parts[0], now)
            return not member, since, following, event_id
        if isinstance(clause, All | AnyOf):
            return combined([self.truth(part, now) for part in node.parts], isinstance(clause, All))
        if isinstance(clause, Reference) and clause.segment_id in self.compiled.segments:
            return self.truth(self.compiled.segments[clause.segment_id].root, now)
        found = node.test(self.at(now))
        if isinstance(clause, FieldClause):
            return self._since(node, found, now)
        return found

    def _since(self, node: Node, found: Truth, now: int) -> Truth:
        """Return the truth of a clause on a field with the newest event before which it was another."""
        assert isinstance(node.clause, FieldClause)
        for step in reversed(self._past.steps(field_of(node.clause).token)):
            context = Context(self._profile, self.history, now, {}, step.before, step.t, step.event_id)
            context.exact = True
            truth = node.test(context)
            if truth[3] == step.event_id:
                return truth
        return found

    def changes_at(self, node: Node, now: int) -> int | None:
        """Return the first instant after `now` at which a clause changes by time alone; None if it does not."""
        member, _, following, _ = node.test(self.at(now))
        for _ in range(MAX_STEPS):
            if following is None:
                return None
            truth = node.test(self.at(following))
            if truth[0] is not member:
                return following
            following = truth[2]
        return None


def _explained(node: Node, document: Mapping[str, Any], worlds: _Worlds, now: int) -> dict[str, Any]:
    member, since, _, event_id = worlds.truth(node, now)
    following = worlds.changes_at(node, now)
    shown: dict[str, Any] = {
        "true": member,
        "since": None if since is None else to_iso(since),
        "changes_at": None if following is None else to_iso(following),
        "because": event_id,
    }
    if "not" in document:
        shown["not"] = _explained(node.parts[0], document["not"], worlds, now)
        return shown
    for kind in ("all", "any"):
        if kind in document:
            parts = zip(node.parts, document[kind], strict=True)
            shown[kind] = [_explained(part, written, worlds, now) for part, written in parts]
            return shown
    shown["clause"] = document
    if node.leaves:
        leaves = worlds.compiled.leaves
        found = [pair for id_ in node.leaves for pair in event_ids(leaves[id_], worlds.history.get(id_), now)]
        shown["events"] = [id_ for _, id_ in sorted(set(found), reverse=True)[:MAX_EVENTS]]
    return shown
