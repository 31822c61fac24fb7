"""What one batch of evidence changes: assignments, decisions, questions to the workers, and the writer's own state.

The fold notes changes; the records that are published are made from them when they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from processors.identity.decisions import Change, Seeds, decision
from processors.identity.evidence import Release, Watch
from processors.identity.grouping import Node
from schemas.codec import SCHEMA_VERSION
from schemas.records import Assignment, Decision

# (identifier, start, end, owner): whose the slice [start, end) is now; None as the owner: it exists no longer.
Owned = tuple[Node, int | None, int | None, Node | None]


@dataclass
class Outcome:
    """Everything that follows from a batch, in an order that follows from state and batch alone."""

    version: int
    owned: list[Owned] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    erased: set[Node] = field(default_factory=set)  # what ends of theirs is to be forgotten, also that it was there
    writes: dict[bytes, bytes | None] = field(default_factory=dict)

    @cached_property
    def assignments(self) -> list[Assignment]:
        """The records of `identity.assignments`."""
        return list(self._assignments())

    @cached_property
    def decisions(self) -> list[Decision]:
        """The records of `identity.decisions`."""
        seeds, version = self._seeds, self.version
        return [decision(change, version, seeds) for change in self.changes]

    @cached_property
    def _seeds(self) -> Seeds:
        return Seeds()

    def _assignments(self) -> Iterator[Assignment]:
        seeds, version = self._seeds, self.version
        ended: Assignment | None = None
        ended_of: Node | None = None
        for identifier, start, end, owner in self.owned:
            if ended is not None and owner is None and identifier is ended_of and end is None:
                # A shared device ends a thousand slices at once: they differ in their start alone.
                again = ended.copy()
                again["from"] = start
                yield again
                continue
            assignment: Assignment = {
                "schema_version": SCHEMA_VERSION,
                "seed": seeds[identifier],
                "type": identifier[0],
                # That it is no more must not say what it was.
                "value": "" if owner is None and identifier in self.erased else identifier[1],
                "from": start,
                "to": end,
                "profile_id": None if owner is None else seeds[owner],
                "version": version,
            }
            if owner is None:
                ended, ended_of = assignment, identifier
            yield assignment
