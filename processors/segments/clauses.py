"""What a definition is made of: one frozen class per kind of clause.

These are the only form that the compilers (closures, SQL) and the explanation know; `definition` makes them from JSON
and has checked every field by then. Durations and instants are milliseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Instant:
    """A fixed instant to compare with, in milliseconds since 1970."""

    millis: int


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time to compare with, counted back from the instant of evaluation."""

    millis: int


Scalar = str | int | float | bool
Operand = Scalar | tuple[Scalar, ...] | Instant | Span | None


@dataclass(frozen=True, slots=True)
class Trait:
    """A comparison with a trait; `name` is a key, or a dotted path into nested traits."""

    name: str
    op: str
    value: Operand = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A comparison with a numeric or time field of the profile, named by its path."""

    path: str
    op: str
    value: Operand = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person decided about a purpose."""

    purpose: str
    op: str
    value: Operand = None


@dataclass(frozen=True, slots=True)
class Reference:
    """Membership in another segment at the same instant."""

    segment_id: str


@dataclass(frozen=True, slots=True)
class Where:
    """A comparison with a property of an event; spans count back from the event's own time."""

    property: str
    op: str
    value: Operand = None


@dataclass(frozen=True, slots=True)
class Selector:
    """Which events a clause is about: all of the conditions hold."""

    event: str
    channel: str | None = None
    where: tuple[Where, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """A comparison with the number of events."""

    op: str
    value: int


@dataclass(frozen=True, slots=True)
class Sum:
    """A comparison with the sum of a property; events without a number there add nothing."""

    property: str
    op: str
    value: int | float | str


@dataclass(frozen=True, slots=True)
class Happened:
    """Events counted, summed or both, within a window that ends now or ever."""

    selector: Selector
    count: Count | None
    sum: Sum | None
    within: int | None


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """The latest event of `selector` is at least `delay` old, younger than `within`, and none of `by` came after it."""

    selector: Selector
    by: Selector
    delay: int
    within: int | None


@dataclass(frozen=True, slots=True)
class All:
    """True while every clause is."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True while at least one clause is."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True while the clause is not."""

    clause: "Clause"


Leaf = Trait | Metric | Consent | Reference | Happened | NotFollowed
Clause = Leaf | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Definition:
    """A checked definition; `document` is the JSON that it was made from."""

    id: str
    name: str
    where: Clause
    document: dict[str, Any] = field(compare=False, repr=False)


def leaves_of(clause: Clause) -> Iterator[Leaf]:
    """Yield the leaves below a clause from left to right."""
    if isinstance(clause, All | AnyOf):
        for child in clause.clauses:
            yield from leaves_of(child)
    elif isinstance(clause, Not):
        yield from leaves_of(clause.clause)
    else:
        yield clause


def references_of(clause: Clause) -> tuple[str, ...]:
    """Return the ids of the segments that a clause refers to, each once, from left to right."""
    return tuple(dict.fromkeys(leaf.segment_id for leaf in leaves_of(clause) if isinstance(leaf, Reference)))
