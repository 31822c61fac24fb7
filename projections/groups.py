"""What can be rebuilt by itself: the topics that share tables, and these tables. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from projections.batch import Projection
from projections.tables import Table
from schemas.errors import KithError

# By the view that people read, where it has another name than the table behind it.
_NAMES = {
    "identity_slices": "identity",
    "profile_states": "profiles",
    "order_states": "orders",
    "segment_changes": "segments",
    "definition_states": "definitions",
    "progress_states": "progress",
    "delivery_states": "deliveries",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Topics that share tables; `tables` has derived tables before own ones, as they are written."""

    name: str
    projections: Mapping[str, Projection]
    tables: tuple[Table, ...]

    @property
    def topics(self) -> list[str]:
        """Return the topics' names."""
        return sorted(self.projections)


def groups_of(known: Mapping[str, Projection]) -> dict[str, Group]:
    """Return every group by its name. No topic is in two, and neither is a table."""
    parts: list[tuple[dict[str, Projection], set[str]]] = []
    for topic, projection in known.items():
        topics, names = {topic: projection}, {table.name for table in projection.tables}
        for part in [part for part in parts if part[1] & names]:
            parts.remove(part)
            topics, names = {**part[0], **topics}, names | part[1]
        parts.append((topics, names))
    return {group.name: group for group in (_group(topics) for topics, _ in parts)}


def choose(names: list[str], groups: Mapping[str, Group]) -> list[Group]:
    """Return the groups of these names, or all without names. A table's name stands for its group.

    Raises `KithError` for a name that is none.
    """
    by_table = {table.name: group for group in groups.values() for table in group.tables}
    unknown = [name for name in names if name not in groups and name not in by_table]
    if unknown:
        raise KithError(f"There is no projection {', '.join(unknown)}: choose among {', '.join(sorted(groups))}.")
    wanted = {(groups.get(name) or by_table[name]).name for name in names} or set(groups)
    return [groups[name] for name in sorted(wanted)]


def _group(topics: dict[str, Projection]) -> Group:
    owns = {projection.own.name: projection.own for projection in topics.values()}
    derived = {
        table.name: table for projection in topics.values() for table in projection.tables if table.name not in owns
    }
    first = min(owns)
    return Group(_NAMES.get(first, first), topics, (*derived.values(), *owns.values()))
