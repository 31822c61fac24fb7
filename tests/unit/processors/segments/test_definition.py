"""Definitions are read whole or refused with every problem, each at its place and with what would be right."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from processors.segments.clauses import (
    All,
    AnyOf,
    Consent,
    Count,
    Happened,
    Instant,
    Metric,
    Not,
    NotFollowed,
    Reference,
    Selector,
    Span,
    Sum,
    Trait,
    Where,
)
from processors.segments.definition import DefinitionError, check_id, parse, parse_where
from schemas.segment import SegmentDefinition
from tests.unit.processors.segments.generated import clauses

LAPSING_VIP: dict[str, Any] = {
    "id": "lapsing_vip",
    "name": "VIPs who are drifting away",
    "where": {
        "all": [
            {"metric": "orders.revenue.EUR", "op": "gte", "value": 500},
            {"trait": "country", "op": "in", "value": ["FR", "BE"]},
            {
                "event": "Order Completed",
                "count": {"op": "gte", "value": 2},
                "within": "90d",
                "where": [{"property": "currency", "op": "eq", "value": "EUR"}],
            },
            {"not": {"event": "Product Viewed", "within": "7d"}},
            {"any": [{"segment": "newsletter"}, {"consent": "email_marketing", "op": "granted"}]},
        ]
    },
}
DAY = 86_400_000


def problems(document: Any, known: Any = None) -> dict[str, str]:
    with pytest.raises(DefinitionError) as refused:
        parse(document, known)
    return dict(refused.value.problems)


def refused_where(where: Any) -> tuple[str, str]:
    """The only problem of a clause, as (path, message)."""
    found = problems({"id": "s", "where": where})
    assert len(found) == 1
    return next(iter(found.items()))


def test_the_example_of_the_design() -> None:
    definition = parse(LAPSING_VIP)
    viewed = Happened(Selector("Product Viewed"), Count("gte", 1), None, 7 * DAY)
    bought = Selector("Order Completed", None, (Where("currency", "eq", "EUR"),))
    assert definition.id == "lapsing_vip"
    assert definition.name == "VIPs who are drifting away"
    assert definition.document == LAPSING_VIP
    assert definition.where == All(
        (
            Metric("orders.revenue.EUR", "gte", 500),
            Trait("country", "in", ("FR", "BE")),
            Happened(bought, Count("gte", 2), None, 90 * DAY),
            Not(viewed),
            AnyOf((Reference("newsletter"), Consent("email_marketing", "granted"))),
        )
    )


def test_the_other_leaves() -> None:
    cart = {"event": "Product Added", "not_followed_by": {"event": "Order Completed"}, "for": "1h", "within": "7d"}
    assert parse_where(cart) == NotFollowed(Selector("Product Added"), Selector("Order Completed"), DAY // 24, 7 * DAY)
    spent = {"event": "Order Completed", "channel": "order", "sum": {"property": "total", "op": "gt", "value": "99.90"}}
    assert parse_where(spent) == Happened(Selector("Order Completed", "order"), None, Sum("total", "gt", "99.90"), None)
    assert parse_where({"trait": "birthday", "op": "before", "value": "2000-01-01"}) == Trait(
        "birthday", "before", Instant(946_684_800_000)
    )
    assert parse_where({"metric": "activity.last_seen", "op": "before", "value": "30d"}) == Metric(
        "activity.last_seen", "before", Span(30 * DAY)
    )
    # Numbers may come as text here too.
    assert parse_where({"event": "A", "count": {"op": "lt", "value": "3"}}) == Happened(
        Selector("A"), Count("lt", 3), None, None
    )


@pytest.mark.parametrize(
    ("where", "path", "says"),
    [
        ({"trait": "x", "op": "equals", "value": 1}, "where.op", '"eq"'),
        ({"trait": "x", "value": 1}, "where.op", 'an "op" is needed'),
        ({"trait": "x", "op": "greater", "value": 1}, "where.op", "use one of"),
        ({"trait": "x", "op": ["eq"], "value": 1}, "where.op", "unknown operator a list"),
        ({"trait": "x", "op": "eq"}, "where.value", 'needs a "value"'),
        ({"trait": "x", "op": "exists", "value": True}, "where.value", "takes no value"),
        ({"trait": "x", "op": "eq", "value": None}, "where.value", "use missing"),
        ({"trait": "x", "op": "eq", "value": {}}, "where.value", "an object is no text"),
        ({"trait": "x", "op": "eq", "value": 2**64}, "where.value", "write it as text"),
        ({"trait": "x", "op": "eq", "value": 1e300}, "where.value", "30 digits"),
        ({"trait": "x", "op": "eq", "value": "y" * 1001}, "where.value", "too long"),
        ({"trait": "x", "op": "in", "value": "FR"}, "where.value", "needs a list"),
        ({"trait": "x", "op": "in", "value": []}, "where.value", "at least one"),
        ({"trait": "x", "op": "in", "value": [1] * 1001}, "where.value", "at most 1000"),
        ({"trait": "x", "op": "gt", "value": "many"}, "where.value", "is no number"),
        ({"trait": "x", "op": "gt", "value": "2026-01-31"}, "where.value", "use before or after"),
        ({"trait": "x", "op": "gt", "value": True}, "where.value", "true is no number"),
        ({"trait": "x", "op": "contains", "value": ""}, "where.value", "not empty"),
        ({"trait": "x", "op": "starts_with", "value": 5}, "where.value", "needs text"),
        ({"trait": "x", "op": "before", "value": "yesterday"}, "where.value", "write 2026-01-31"),
        ({"trait": "x", "op": "within", "value": "2026-01-31"}, "where.value", "a duration such as"),
        ({"trait": "", "op": "exists"}, "where.trait", "is no name"),
        ({"trait": 5, "op": "exists"}, "where.trait", "5 is no name"),
        ({"trait": "x", "op": "exists", "extra": 1}, "where.extra", "unknown key"),
        ({"metric": "orders.cont", "op": "gt", "value": 1}, "where.metric", 'did you mean "orders.count"?'),
        ({"metric": "orders.count", "op": "contains", "value": "1"}, "where.op", "is a number: use one of"),
        ({"metric": "orders.count", "op": "eq", "value": "one"}, "where.value", "is no number"),
        ({"metric": "orders.last_at", "op": "gt", "value": 1}, "where.op", "is an instant: use one of"),
        ({"metric": "orders.revenue", "op": "gt", "value": 1}, "where.metric", "no field"),
        ({"consent": "email", "op": "eq", "value": True}, "where.op", '"granted"'),
        ({"consent": "email", "op": "granted", "value": True}, "where.value", "takes no value"),
        ({"segment": "Upper"}, "where.segment", "a-z, 0-9"),
        ({"segment": "s"}, "where.segment", "refers to itself"),
        ({"event": "A", "within": "0s"}, "where.within", "no possible window"),
        ({"event": "A", "within": "36500d"}, "where.within", "no possible window"),
        ({"event": "A", "within": "99999999999d"}, "where.within", "write a duration"),
        ({"event": "A", "within": "1w"}, "where.within", "30s, 15m, 1h or 7d"),
        ({"event": "A", "within": 7}, "where.within", "30s, 15m, 1h or 7d"),
        ({"event": "A", "within": "٧d"}, "where.within", "30s, 15m, 1h or 7d"),
        ({"event": "A", "channel": "mail"}, "where.channel", "unknown channel"),
        ({"event": "A", "count": 3}, "where.count", "is no comparison"),
        ({"event": "A", "count": {"op": "gte", "value": 1.5}}, "where.count.value", "whole number"),
        ({"event": "A", "count": {"op": "gte", "value": -1}}, "where.count.value", "whole number"),
        ({"event": "A", "count": {"op": "gte", "value": 10**6}}, "where.count.value", "from 0 to 1000"),
        ({"event": "A", "count": {"op": "lt", "value": 0}}, "where.count.value", "never true"),
        ({"event": "A", "count": {"op": "in", "value": [1]}}, "where.count.op", "unknown operator"),
        ({"event": "A", "count": {"op": "gte", "value": 1, "property": "x"}}, "where.count.property", "unknown key"),
        ({"event": "A", "sum": {"op": "gte", "value": 1}}, "where.sum.property", "is no name"),
        ({"event": "A", "where": {"property": "x"}}, "where.where", "a list"),
        ({"event": "A", "where": [5]}, "where.where[0]", "is no condition"),
        ({"event": "A", "where": [{"property": "x", "op": "is"}]}, "where.where[0].op", "unknown operator"),
        ({"event": "A", "for": "1h"}, "where.for", 'a window is "within"'),
        ({"event": "A", "not_followed_by": "B", "for": "1h"}, "where.not_followed_by", "names no event"),
        ({"event": "A", "not_followed_by": {"event": "B"}}, "where.for", "such as 1h"),
        ({"event": "A", "not_followed_by": {"event": "B"}, "for": "1h", "within": "1h"}, "where.within", "never true"),
        (
            {"event": "A", "not_followed_by": {"event": "B"}, "for": "1h", "count": {}},
            "where.count",
            "do not go together",
        ),
        ({"event": "A", "not_followed_by": {"event": "B", "for": "1h"}}, "where.not_followed_by.for", "unknown key"),
        ({"all": []}, "where.all", "at least one clause"),
        ({"any": {"trait": "x"}}, "where.any", "needs a list"),
        ({"not": []}, "where.not", "is no clause"),
        ({"all": [{"trait": "x", "op": "exists"}], "any": []}, "where", "exactly one of"),
        ({"al": []}, "where", 'did you mean "all"?'),
        ({}, "where", "exactly one of"),
        ([], "where", "a list is no clause"),
        (None, "where", "null is no clause"),
        ({"not": {"all": [{"trait": "x", "op": "exists"}, {"trait": "x", "op": "?"}]}}, "where.not.all[1].op", "op"),
    ],
)
def test_each_problem_is_at_its_place(where: Any, path: str, says: str) -> None:
    there, message = refused_where(where)
    assert there == path
    assert says in message


@pytest.mark.parametrize("id_", ["", "A", "a b", "é", "a" * 65, "changes", "preview", None, 5, "a\n"])
def test_bad_ids(id_: Any) -> None:
    assert list(problems({"id": id_, "where": {"trait": "x", "op": "exists"}})) == ["id"]
    with pytest.raises(ValueError, match="id"):
        check_id(id_)


@pytest.mark.parametrize("document", [None, 5, "x", [], [{}]])
def test_no_object(document: Any) -> None:
    assert list(problems(document)) == [""]


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        {"id": "!", "where": {"all": [{"trait": "x"}, {"event": 5}, {"not": {"metric": "m", "op": "eq"}}]}}
    )
    assert list(found) == ["id", "where.all[0].op", "where.all[1].event", "where.all[2].not.metric"]
    assert list(problems({"id": "s", "typo": 1})) == ["typo", "where"]


def test_too_many_clauses_are_refused_with_the_limit() -> None:
    for size in (1_001, 10_000):
        found = problems({"id": "s", "where": {"all": [{"trait": "x", "op": "exists"}] * size}})
        assert list(found.values()) == [
            "the definition has more than 1000 clauses: split it into segments that refer to each other"
        ]


@pytest.mark.parametrize("kind", ["not", "all"])
def test_too_deep_is_refused_with_the_limit(kind: str) -> None:
    where: Any = {"trait": "x", "op": "exists"}
    for depth in range(100_000):
        where = {kind: [where] if kind == "all" else where}
        if depth in (60, 1_000, 99_999):
            (message,) = problems({"id": "s", "where": where}).values()
            assert "nested more than 50 deep" in message


def test_references_have_to_exist_and_not_to_run_in_a_circle() -> None:
    known = {
        "a": parse({"id": "a", "where": {"any": [{"segment": "b"}, {"trait": "x", "op": "exists"}]}}),
        "b": parse({"id": "b", "where": {"not": {"segment": "c"}}}),
    }
    circle = {"id": "c", "where": {"all": [{"trait": "x", "op": "exists"}, {"not": {"segment": "a"}}]}}
    assert problems(circle, known) == {
        "where.all[1].not.segment": "the references run in a circle (c -> a -> b -> c): leave one of them out"
    }
    assert problems({"id": "d", "where": {"segment": "zzz"}}, known) == {
        "where.segment": 'there is no segment "zzz": create it first'
    }
    assert parse({"id": "d", "where": {"segment": "a"}}, known).where == Reference("a")
    # A new version may drop the reference that another one makes to it, and refer elsewhere.
    assert parse({"id": "b", "where": {"trait": "x", "op": "exists"}}, known).id == "b"


@settings(deadline=None)
@given(clauses(["other"]))
def test_what_is_generated_is_read_and_left_as_it_is(where: Any) -> None:
    document = {"id": "s", "where": copy.deepcopy(where)}
    assert parse(document).where == parse_where(where)
    assert document == {"id": "s", "where": where}
    # The published schema lets it through too.
    SegmentDefinition.model_validate(document)


def test_the_published_schema_refuses_other_shapes() -> None:
    where: Any
    for where in ({}, {"all": []}, {"trait": "x", "op": "is"}, {"event": "A", "within": 7}, {"event": "A", "typo": 1}):
        with pytest.raises(ValidationError):
            SegmentDefinition.model_validate({"id": "s", "where": where})


KEYS = [
    "all",
    "any",
    "not",
    "trait",
    "metric",
    "event",
    "segment",
    "consent",
    "op",
    "value",
    "within",
    "count",
    "where",
]
json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(json)
def test_whatever_is_sent_is_read_or_refused_with_a_place(document: Any) -> None:
    try:
        parse_where(document)
    except DefinitionError as refused:
        found = refused.problems
    else:
        return
    assert found
    assert all(path.startswith("where") and message for path, message in found)
