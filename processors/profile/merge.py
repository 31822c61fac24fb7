"""Merging fragments: what several seeds' events say together.

For fragments of disjoint events merge is associative, commutative, and the fold of all the events: a join or a split of
identities only regroups fragments.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from processors.profile import acquisition, cart, consent, interests, sessions, traits
from processors.profile.fragment import Fragment
from processors.profile.orders import merged_summaries


def merge(fragments: Iterable[Fragment]) -> Fragment:
    """Return the fragment of all the events of `fragments`, which stay as they are.

    The result may share parts with them (of one fragment it is that fragment itself): read it, or stop using them
    before it is folded into. Sections that are unknown here are left out.
    """
    parts = list(fragments)
    if len(parts) == 1:
        return parts[0]
    found: dict[str, list[Any]] = {}
    for part in parts:
        for name, section in part.items():
            if name in found:
                found[name].append(section)
            else:
                found[name] = [section]
    return {
        name: sections[0] if len(sections) == 1 else _SECTIONS[name](sections)
        for name, sections in found.items()
        if name in _SECTIONS
    }


def _spans(many: Sequence[list[int]]) -> list[int]:
    return [min([span[0] for span in many]), max([span[1] for span in many])]


def _identifiers(many: Sequence[dict[str, dict[str, list[int]]]]) -> dict[str, dict[str, list[int]]]:
    result: dict[str, dict[str, list[int]]] = {}
    shared: set[str] = set()
    for identifiers in many:
        for type_, values in identifiers.items():
            if type_ not in result:
                result[type_] = values
                shared.add(type_)
                continue
            if type_ in shared:
                result[type_] = dict(result[type_])
                shared.discard(type_)
            known = result[type_]
            for value, span in values.items():
                known[value] = _spans((known[value], span)) if value in known else span
    return result


def _counters(many: Sequence[dict[str, int]]) -> dict[str, int]:
    result = dict(many[0])
    for counters in many[1:]:
        for name, count in counters.items():
            result[name] = result.get(name, 0) + count
    return result


_SECTIONS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "seen": _spans,
    "identifiers": _identifiers,
    "channels": _counters,
    "page_views": sum,
    "sessions": sessions.merged,
    "traits": traits.merged,
    "consent": consent.merged,
    "touches": acquisition.merged,
    "cart": cart.merged,
    "interests": interests.merged,
    "orders": merged_summaries,
    "as_of": max,
}
