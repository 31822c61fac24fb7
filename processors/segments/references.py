"""References between segments: what is unknown, what runs in a circle, and in which order to evaluate."""

from collections import deque
from collections.abc import Iterable, Mapping

from processors.segments.clauses import Clause, Definition, references_of


def reference_problem(segment_id: str, where: Clause, known: Mapping[str, Definition] | None) -> tuple[str, str] | None:
    """Return what is wrong with the references of a definition beside the `known` ones: (the reference, a sentence).

    With `known` None only a reference to itself is found.
    """
    direct = references_of(where)
    if segment_id in direct:
        return segment_id, f'"{segment_id}" refers to itself: a segment cannot be part of its own definition'
    if known is None:
        return None
    for reference in direct:
        if reference not in known:
            return reference, f'there is no segment "{reference}": create it first'
    for reference in direct:
        if chain := _chain(reference, segment_id, known):
            circle = " -> ".join((segment_id, *chain))
            return reference, f"the references run in a circle ({circle}): leave one of them out"
    return None


def _chain(start: str, goal: str, known: Mapping[str, Definition]) -> list[str]:
    """Return the shortest way from `start` to `goal` along references, both included; empty if there is none."""
    came_from: dict[str, str | None] = {start: None}
    pending = deque([start])
    while pending:
        current = pending.popleft()
        if current == goal:
            chain: list[str] = []
            step: str | None = current
            while step is not None:
                chain.append(step)
                step = came_from[step]
            return chain[::-1]
        for reference in references_of(known[current].where) if current in known else ():
            if reference not in came_from:
                came_from[reference] = current
                pending.append(reference)
    return []


def referring_to(segment_id: str, known: Mapping[str, Definition]) -> tuple[str, ...]:
    """Return the ids of the segments that refer to `segment_id` directly, sorted: it cannot be deleted before them."""
    return tuple(sorted(id_ for id_, other in known.items() if segment_id in references_of(other.where)))


def in_order(references: Mapping[str, Iterable[str]]) -> list[str]:
    """Return all ids so that each comes after those that it refers to; independent of the order given.

    References to ids that are not among the keys are ignored. Ids in or behind a circle, which the parser refuses, come
    last, so that a damaged set still evaluates.
    """
    waiting = {id_: {other for other in others if other in references} for id_, others in references.items()}
    needed_by: dict[str, list[str]] = {id_: [] for id_ in references}
    for id_ in sorted(waiting):
        for other in waiting[id_]:
            needed_by[other].append(id_)
    ready = sorted((id_ for id_, others in waiting.items() if not others), reverse=True)
    ordered: list[str] = []
    while ready:
        current = ready.pop()
        ordered.append(current)
        freed = []
        for id_ in needed_by[current]:
            waiting[id_].discard(current)
            if not waiting[id_]:
                freed.append(id_)
        ready.extend(sorted(freed, reverse=True))
    placed = set(ordered)
    return ordered + sorted(id_ for id_ in references if id_ not in placed)
