"""A set of definitions as closures and indexes: the one form behind stream, backfill, preview and explanation.

An event is looked up by its name and costs only the leaves that wait for that name; what changed is looked up by
token and costs only the segments that can change by it. Tokens are `trait:<name>`, `metric:<path>`,
`consent:<purpose>`, `event:<leaf id>` and `segment:<id>`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from processors.segments.clauses import (
    All,
    AnyOf,
    Clause,
    Consent,
    Definition,
    Happened,
    Metric,
    Not,
    NotFollowed,
    Reference,
    Trait,
    leaves_of,
    references_of,
)
from processors.segments.context import Context
from processors.segments.fields import Getter
from processors.segments.leaves import HistoryLeaf, count_leaf, pair_leaf, sum_leaf
from processors.segments.profile_leaves import Field, field_of, field_test
from processors.segments.references import in_order
from processors.segments.timeline import Timeline, Truth, count_timeline, followed_timeline, sum_timeline
from processors.segments.windows import Observer, observers

Test = Callable[[Context], Truth]


@dataclass(frozen=True, slots=True)
class Node:
    """A compiled clause: its test, what it was compiled from, its parts, and the leaves that it reads."""

    test: Test
    clause: Clause
    parts: tuple["Node", ...] = ()
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """A compiled definition and its version."""

    id: str
    version: int
    definition: Definition
    root: Node
    rank: int
    by_history: bool  # event clauses and other memberships decide, nothing that the profile shows


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled set of definitions; immutable, shared by everything that evaluates it."""

    segments: Mapping[str, CompiledSegment]
    order: tuple[str, ...]  # every id after those that it refers to
    leaves: Mapping[str, HistoryLeaf]
    observers: Mapping[str, tuple[tuple[str, Observer], ...]]  # event name -> (token, observer)
    by_token: Mapping[str, tuple[str, ...]]  # token -> segment ids that can change by it
    referring: Mapping[str, tuple[str, ...]]  # segment id -> ids that refer to it directly
    fields: Mapping[str, tuple[tuple[str, Getter], ...]]  # profile group -> (token, reader)


def _event_node(clause: Clause, leaf: HistoryLeaf, timeline: Timeline) -> Node:
    id_ = leaf.id
    return Node(lambda context: timeline(context.kept(id_), context.now), clause, (), (id_,))


def _all_test(tests: tuple[Test, ...], wanted: bool) -> Test:
    """Return the test of `all` (wanted True) or `any` (wanted False: the same with true and false exchanged).

    A quick look stops at the first part that decides and that time does not change; an exact one finds since when.
    """

    def test(context: Context) -> Truth:
        if context.exact:
            return combined([part(context) for part in tests], wanted)
        soonest: int | None = None
        latest: int | None = None
        for part in tests:
            truth = part(context)
            following = truth[2]
            if truth[0] is wanted:
                if following is not None and (soonest is None or following < soonest):
                    soonest = following
            elif following is None:
                return truth
            elif latest is None or following > latest:
                latest = following
        return (wanted, None, soonest, None) if latest is None else (not wanted, None, latest, None)

    return test


def combined(truths: Iterable[Truth], wanted: bool) -> Truth:
    """Return the truth of `all` (wanted True) or `any` (wanted False) of clauses whose truths these are.

    `next` is a lower bound that time alone cannot beat: while one part of an `all` stays false, the whole does.
    """
    since: int | None = None  # of the parts as wanted: the latest; they have all been so since then
    because: str | None = None
    soonest: int | None = None
    against: Truth | None = None
    for truth in truths:
        if truth[0] is wanted:
            if truth[1] is not None and (since is None or truth[1] > since):
                since, because = truth[1], truth[3]
            if truth[2] is not None and (soonest is None or truth[2] < soonest):
                soonest = truth[2]
        else:
            against = truth if against is None else _longer(against, truth)
    if against is not None:
        return against
    return wanted, since, soonest, because


def _longer(left: Truth, right: Truth) -> Truth:
    """Return the truth of two equal ones that hold the whole: so since the earlier, until the later of both."""
    first = left if left[1] is None or (right[1] is not None and left[1] <= right[1]) else right
    later = None if left[2] is None or right[2] is None else max(left[2], right[2])
    return left[0], first[1], later, first[3]


def _negated(test: Test) -> Test:
    def negated(context: Context) -> Truth:
        member, since, soonest, because = test(context)
        return not member, since, soonest, because

    return negated


def _reference_test(segment_id: str) -> Test:
    return lambda context: context.membership(segment_id)


class _Compiler:
    def __init__(self) -> None:
        self.leaves: dict[str, HistoryLeaf] = {}
        self.fields: dict[str, Field] = {}

    def node(self, clause: Clause, tokens: dict[str, None]) -> Node:
        """Return the compiled clause; adds the tokens by which it can change."""
        if isinstance(clause, All | AnyOf):
            parts = tuple(self.node(part, tokens) for part in clause.clauses)
            # Cheap parts first: they decide most often. The order changes no answer.
            ordered = sorted(parts, key=lambda part: _cost(part.clause))
            return Node(_all_test(tuple(part.test for part in ordered), isinstance(clause, All)), clause, parts)
        if isinstance(clause, Not):
            part = self.node(clause.clause, tokens)
            return Node(_negated(part.test), clause, (part,))
        if isinstance(clause, Trait | Metric | Consent):
            field = field_of(clause)
            self.fields[field.token] = field
            tokens[field.token] = None
            return Node(field_test(clause, field), clause)
        if isinstance(clause, Reference):
            tokens[f"segment:{clause.segment_id}"] = None
            return Node(_reference_test(clause.segment_id), clause)
        if isinstance(clause, NotFollowed):
            return self._kept(clause, pair_leaf(clause), followed_timeline(clause), tokens)
        return self._happened(clause, tokens)

    def _happened(self, clause: Happened, tokens: dict[str, None]) -> Node:
        parts = []
        if clause.count is not None:
            leaf = count_leaf(clause, clause.count)
            parts.append(self._kept(clause, leaf, count_timeline(clause.count, clause.within), tokens))
        if clause.sum is not None:
            leaf = sum_leaf(clause, clause.sum.property)
            parts.append(self._kept(clause, leaf, sum_timeline(clause.sum, clause.within), tokens))
        if len(parts) == 1:
            return parts[0]
        return Node(_all_test(tuple(part.test for part in parts), True), clause, (), parts[0].leaves + parts[1].leaves)

    def _kept(self, clause: Clause, leaf: HistoryLeaf, timeline: Timeline, tokens: dict[str, None]) -> Node:
        self.leaves[leaf.id] = leaf
        tokens[f"event:{leaf.id}"] = None
        return _event_node(clause, leaf, timeline)


def _cost(clause: Clause) -> int:
    """Return a rough number of steps that the evaluation of a clause takes."""
    return sum(4 if isinstance(leaf, Happened | NotFollowed) else 1 for leaf in leaves_of(clause))


def compile_set(definitions: Mapping[str, tuple[int, Definition]]) -> Compiled:
    """Return the compiled form of a set of definitions, each with its version."""
    compiler = _Compiler()
    order = in_order({id_: references_of(definition.where) for id_, (_, definition) in definitions.items()})
    segments: dict[str, CompiledSegment] = {}
    by_token: dict[str, list[str]] = {}
    for rank, id_ in enumerate(order):
        version, definition = definitions[id_]
        tokens: dict[str, None] = {}
        root = compiler.node(definition.where, tokens)
        by_history = all(token.startswith(("event:", "segment:")) for token in tokens)
        segments[id_] = CompiledSegment(id_, version, definition, root, rank, by_history)
        for token in tokens:
            by_token.setdefault(token, []).append(id_)
    waiting: dict[str, list[tuple[str, Observer]]] = {}
    for leaf in compiler.leaves.values():
        for name, observer in observers(leaf):
            waiting.setdefault(name, []).append((f"event:{leaf.id}", observer))
    groups: dict[str, list[tuple[str, Getter]]] = {}
    for field in compiler.fields.values():
        groups.setdefault(field.group, []).append((field.token, field.get))
    return Compiled(
        segments=segments,
        order=tuple(order),
        leaves=compiler.leaves,
        observers={name: tuple(found) for name, found in waiting.items()},
        by_token={token: tuple(ids) for token, ids in by_token.items()},
        referring={id_: tuple(by_token.get(f"segment:{id_}", ())) for id_ in order},
        fields={group: tuple(found) for group, found in groups.items()},
    )


def new_leaves(before: Compiled, after: Compiled) -> tuple[str, ...]:
    """Return the ids of the leaves that `after` needs and `before` did not keep: the archive has to fill these.

    What a history holds under them is from an earlier time and misses what has come since: it is to be replaced.
    """
    return tuple(id_ for id_ in after.leaves if id_ not in before.leaves)


def sorted_by_rank(compiled: Compiled, ids: Iterable[str]) -> list[str]:
    """Return known ids, each once, in the order of evaluation."""
    return sorted({id_ for id_ in ids if id_ in compiled.segments}, key=lambda id_: compiled.segments[id_].rank)
