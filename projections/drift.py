"""Tables that somebody changed by hand: what they lack of what the migrations made, and how to give it back. Pure.

What was lost comes back empty; `kith rebuild` fills it from the log.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from projections.dictionary import Relation

COLUMNS = "SELECT table, name FROM system.columns WHERE database = currentDatabase()"
NAMES = "SELECT name FROM system.tables WHERE database = currentDatabase()"


@dataclass(frozen=True, slots=True)
class Lack:
    """A table or a view that is gone, or a column of one that is there; `type_` and `comment` are the column's."""

    relation: str
    column: str = ""
    type_: str = ""
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}" if self.column else self.relation

    @property
    def statement(self) -> str:
        """Return the statement that gives a column back, as a migration writes it."""
        return (
            f"ALTER TABLE {self.relation} ${{on_cluster}} "
            f"ADD COLUMN IF NOT EXISTS {self.column} {self.type_} COMMENT '{self.comment}'"
        )


def lacks(relations: Sequence[Relation], names: Collection[str], columns: Mapping[str, Collection[str]]) -> list[Lack]:
    """Return what is not there, given the names of all tables and views, and the columns of each."""
    found = []
    for relation in relations:
        if relation.name not in names:
            found.append(Lack(relation.name))
        elif not relation.is_view:
            # The engine shows a nested column as its members.
            known = {name.partition(".")[0] for name in columns.get(relation.name, ())}
            found += [Lack(relation.name, *column) for column in relation.columns if column[0] not in known]
    return found
