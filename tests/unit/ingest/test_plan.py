"""A tracking plan says what is wrong with an event, field by field, and quotes nobody."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.plan import MOST, Violation, parse_plan
from schemas.errors import KithError

TEXT = """\
version: 3
unplanned: forbid
definitions:
  money: {type: number, minimum: 0}
events:
  Order Completed:
    description: An order was placed.
    properties:
      required: [order_id, total]
      additionalProperties: false
      properties:
        order_id: {type: string}
        total: {$ref: "#/$defs/money"}
        products: {type: array, items: {properties: {price: {$ref: "#/$defs/money"}}}}
  Home: {}
types:
  identify: {traits: {properties: {email: {type: string, format: email}}}}
"""
PLAN = parse_plan(TEXT, "web.yaml")


def event(name: str | None = "Order Completed", type_: str = "track", **parts: Any) -> dict[str, Any]:
    return {"event": name, "type": type_, "properties": {}, "traits": {}, "context": {}, **parts}


def paths(found: Any) -> list[str]:
    return [violation.path for violation in found]


@pytest.mark.parametrize(
    ("given_event", "found"),
    [
        (event(properties={"order_id": "1", "total": 5}), []),
        (event(properties={"order_id": "1"}), ["/properties/total"]),
        (event(properties={}), ["/properties/order_id", "/properties/total"]),
        (event(properties={"order_id": "1", "total": "5"}), ["/properties/total"]),
        (event(properties={"order_id": "1", "total": 5, "a/b~c": 1, "x": 2}), ["/properties/a~1b~0c", "/properties/x"]),
        (
            event(properties={"order_id": "1", "total": 5, "products": [{}, {"price": -1}]}),
            ["/properties/products/1/price"],
        ),
        (event("Home", "page", properties={"anything": 1}), []),
        (event(None, "identify", traits={"email": "jane@x.fr"}), []),
        (event(None, "identify", traits={"email": "jane"}), ["/traits/email"]),
        (event("Something Else"), ["/event"]),
        (event(None, "group"), ["/type"]),
    ],
)
def test_faults_are_named_by_their_path(given_event: dict[str, Any], found: list[str]) -> None:
    assert sorted(paths(PLAN.violations(given_event))) == found


def test_what_is_not_forbidden_is_allowed() -> None:
    plan = parse_plan("version: 1", "web.yaml")
    assert plan.version == 1
    assert not plan.violations(event("Whatever"))


def test_nothing_is_quoted() -> None:
    secret = "jane.doe@x.fr"
    wrong = event(properties={"order_id": {"mail": secret}, "total": secret, "products": [{"price": secret}]})
    told = PLAN.violations(wrong)
    assert len(told) == 3
    assert secret not in str(told)
    assert told[1] == Violation("/properties/total", 'the value is not of type "number"')


def test_so_many_faults_are_enough() -> None:
    assert len(PLAN.violations(event(properties={f"k{number}": 1 for number in range(50)}))) == MOST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.sampled_from(["order_id", "total", "products", "x"]), JSON), st.booleans())
def test_any_event_has_an_answer(properties: dict[str, Any], known: bool) -> None:
    told = PLAN.violations(event("Order Completed" if known else "Other", properties=properties))
    assert all(violation.path and violation.message for violation in told)
    assert list(told) == list(PLAN.violations(event("Order Completed" if known else "Other", properties=properties)))


def test_what_nests_very_deep_is_checked_or_told() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    assert not PLAN.violations(event(properties={"order_id": "1", "total": 1, "products": deep}))
    assert PLAN.violations(event(properties={"order_id": deep, "total": 1, "x": deep}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "no valid YAML"),
        ("5", "must be a mapping"),
        ("events: {}", "version: Field required"),
        ("version: 0", "version: Input should be greater"),
        ("version: 1\nevent: {}", "event: Extra inputs"),
        ("version: 1\nevents: {A: {properties: {type: number0}}}", "web.yaml: A: properties/properties/type"),
        ("version: 1\nevents: {A: {properties: {pattern: '(('}}}", "web.yaml: A: properties/properties/pattern"),
        ("version: 1\nevents: {A: {properties: {$ref: 'http://127.0.0.1/x'}}}", "Retrieval is disabled"),
        ("version: 1\nevents: {A: {properties: {$ref: 'file:///etc/passwd'}}}", "Retrieval is disabled"),
        ("version: 1\nevents: {A: {properties: {$ref: '#/$defs/none'}}}", "web.yaml: A: "),
        ("version: 1\ntypes: {fax: {}}", "types.fax"),
    ],
)
def test_faults_of_a_plan_are_named(text: str, told: str) -> None:
    with pytest.raises(KithError) as fault:
        parse_plan(text, "web.yaml")
    assert told in str(fault.value)
