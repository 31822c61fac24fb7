"""Why a person is in a segment or not: each clause true or false, since when, by which event, and until when.

The tree mirrors the definition. It is made from the very closures that decide on the stream, so it cannot tell another
story.
"""

from collections.abc import Mapping
from typing import Any

from processors.segments.clauses import references_of
from processors.segments.compile import Compiled, Node, sorted_by_rank
from processors.segments.context import Context, Kept
from processors.segments.fields import Profile
from processors.segments.windows import event_ids
from schemas.times import to_iso

# Of the events that a clause rests on the newest are named; all of them are in the person's timeline.
MAX_EVENTS = 5
# Looking ahead stops here: so many things would have to begin and end without changing the clause.
MAX_STEPS = 100


def explain(compiled: Compiled, segment_id: str, profile: Profile, history: Kept, now: int) -> dict[str, Any]:
    """Return the explanation of one person's membership at `now` (ms) as JSON.

    `{"segment_id", "version", "at", "member", "since", "changes_at", "where"}`; `where` is the definition's tree, each
    clause with `true`, `since` (null: as long as is known), `changes_at` (null: not by time alone), `because` (the
    event that made it so, null where time did) and, for events, `events`: the newest that it rests on. Raises
    `KeyError` for an unknown segment.
    """
    segment = compiled.segments[segment_id]
    worlds = _Worlds(compiled, segment_id, profile, history)
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

    def __init__(self, compiled: Compiled, segment_id: str, profile: Profile, history: Kept) -> None:
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

    def at(self, now: int) -> Context:
        """Return the person at an instant, with the segments that the explained one refers to."""
        context = self._made.get(now)
        if context is None:
            context = self._made[now] = Context(self._profile, self.history, now, {})
            context.exact = True
            for id_ in self._needed:
                context.truths[id_] = self.compiled.segments[id_].root.test(context)
        return context

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
    member, since, _, event_id = node.test(worlds.at(now))
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
