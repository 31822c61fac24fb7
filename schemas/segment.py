"""The definition of a segment as JSON: the shape that the API, the command line and files under version control share.

These models document it and generate its JSON Schema. What a schema cannot say (which value goes with which operator,
references, limits, each with the place and what would be right) the parser in `processors.segments.definition` says.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.event import Channel

SEGMENT_ID = r"^[a-z0-9_-]{1,64}$"
# Paths of the API that a segment's id would hide.
RESERVED_IDS = frozenset({"changes", "preview"})

EqualityOp = Literal["eq", "ne", "in", "not_in"]
OrderOp = Literal["gt", "gte", "lt", "lte"]
PresenceOp = Literal["exists", "missing"]
TextOp = Literal["contains", "starts_with"]
TimeOp = Literal["before", "after", "within"]
TraitOp = Literal[EqualityOp, OrderOp, PresenceOp, TextOp, TimeOp]
ConsentOp = Literal["granted", "denied", PresenceOp, TimeOp]
CountOp = Literal["eq", "ne", OrderOp]

Name = Annotated[str, Field(min_length=1, max_length=200)]
SegmentId = Annotated[str, Field(pattern=SEGMENT_ID, description="Id of a segment; not `changes` or `preview`.")]
Duration = Annotated[
    str, Field(pattern=r"^[0-9]{1,10}[smhd]$", description="`30s`, `15m`, `1h`, `7d`; more than 0, at most 3650d.")
]
Scalar = str | bool | int | float
Value = Annotated[
    Scalar | list[Scalar] | None,
    Field(
        description="What the operator compares with: a list for `in` and `not_in`; an ISO 8601 instant or a duration "
        "counted back from now for `before` and `after`; a duration for `within`; left out for `exists` and `missing`."
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class TraitClause(_Shape):
    """A comparison with a trait: a key, or a dotted path into nested traits."""

    trait: Name
    op: TraitOp
    value: Value = None


class MetricClause(_Shape):
    """A comparison with a numeric or time field of the profile, such as `orders.revenue.EUR`."""

    metric: Name
    op: TraitOp
    value: Value = None


class ConsentClause(_Shape):
    """What the person decided about a purpose; without a decision it is not granted."""

    consent: Name
    op: ConsentOp
    value: Value = None


class SegmentClause(_Shape):
    """Membership in another segment."""

    segment: SegmentId


class PropertyCondition(_Shape):
    """A comparison with a property of the event; durations count back from the event's own time."""

    property: Name
    op: TraitOp
    value: Value = None


class CountCondition(_Shape):
    """A comparison with the number of events."""

    op: CountOp
    value: int | str = Field(description="A whole number from 0 to 1000.")


class SumCondition(_Shape):
    """A comparison with the sum of a property; events without a number there add nothing."""

    property: Name
    op: CountOp
    value: int | float | str


class EventSelector(_Shape):
    """Which events a clause is about."""

    event: Name
    channel: Channel | None = None
    where: list[PropertyCondition] = Field(default=[], max_length=50, description="All of them hold.")


class EventClause(EventSelector):
    """Events counted or summed, ever or within a window; without `count` and `sum`, at least one.

    With `not_followed_by`: true from `for` after the latest event that none of the other followed.
    """

    count: CountCondition | None = None
    sum: SumCondition | None = None
    within: Duration | None = Field(None, description="A window holds an event while t <= now < t + within.")
    not_followed_by: EventSelector | None = None
    for_: Duration | None = Field(None, alias="for")


class AllClause(_Shape):
    """True while every clause is."""

    all: list["Clause"] = Field(min_length=1)


class AnyClause(_Shape):
    """True while at least one clause is."""

    any: list["Clause"] = Field(min_length=1)


class NotClause(_Shape):
    """True while the clause is not."""

    not_: "Clause" = Field(alias="not")


Clause = AllClause | AnyClause | NotClause | TraitClause | MetricClause | ConsentClause | SegmentClause | EventClause


class SegmentDefinition(_Shape):
    """A segment: who is in it, at every instant."""

    id: SegmentId
    name: Name | None = Field(None, description="What people call it; the id where it is left out.")
    description: str | None = None
    where: Clause = Field(description="At most 1000 clauses, nested at most 50 deep.")
