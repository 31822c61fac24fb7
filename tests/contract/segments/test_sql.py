"""SQL on the engine itself names the same people as the oracle that evaluates all events, at every instant."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.segments.clauses import Definition
from processors.segments.comparison import number
from processors.segments.definition import parse
from projections import segment_sql, tables
from tests.contract.segments.world import Pair, write_people
from tests.unit.processors.segments.full import holds
from tests.unit.processors.segments.generated import START, definition_sets, ends, profiles, timed_events

# A query is dear and a person is cheap: few examples, each of many people.
PAIRS = 6
INSTANTS = 8

pairs = st.builds(
    Pair,
    events=timed_events(),
    places=st.lists(st.integers(0, 2), min_size=1, max_size=5),
    cut=st.integers(0, 60).map(lambda second: START + second * 1_000),
    profiles=st.lists(profiles, min_size=2, max_size=2),
)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(definition_sets(most=8), st.lists(pairs, min_size=PAIRS, max_size=PAIRS), st.randoms(use_true_random=False))
def test_sql_equals_full_evaluation(
    database: Any, definitions: dict[str, Definition], several: list[Pair], random: Any
) -> None:
    people = write_people(database, several)
    statement = segment_sql.members(definitions, list(definitions), certain=True)
    sharp = ends([timed for pair in several for timed in pair.events])
    for now in random.sample(sharp, min(INSTANTS, len(sharp))):
        parameters = {**statement.parameters, "now": now, "people": [person.id for person in people]}
        found = database.query(statement.sql, parameters=parameters)
        holding = {str(profile_id): names for profile_id, names in found.result_rows}
        for person in people:
            expected = [
                id_
                for id_, definition in definitions.items()
                if holds(definition.where, person.events, person.profile, now, definitions)
            ]
            assert holding[person.id] == expected, (now, person)


VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        1.5,
        0.1,
        0.3,
        1e29,
        1e30,
        1e300,
        1e-21,
        1e-22,
        -0.0,
        2**63,
        12345678901234567890,
    ),
    *("", "a", "ab", "b", "B", "é", "true", "null", "0", "1", "1.0", "01", "+1", "1.", "1e3", "-0", "0.3", " 1", "1 "),
    *(
        "9" * 30,
        "9" * 31,
        "0." + "1" * 38,
        "0." + "1" * 39,
        "%",
        "_",
        "\\",
        "\\d",
        "'",
        '"',
        "[a-z]*",
        "a\nb",
        "\u0000",
    ),
    *(
        "2023-11-14",
        "2023-11-14T22:13",
        "2023-11-14 22:13:20",
        "2023-11-14T22:13:20.0009Z",
        "2023-11-14T23:13:20+01:00",
    ),
    *("2023-11-14T20:43:20.001-0130", "2023-02-29", "2024-02-29", "2023-02-30", "2023-13-01", "2023-11-14T24:00"),
    *(
        "2023-11-14T22:13:60",
        "1899-12-31",
        "1900-01-01",
        "2299-12-31T23:59:59.999",
        "2300-01-01",
        "1969-12-31T23:59:59.9",
    ),
    *([], ["a"], ["1.0", True, None], [["a"]], ["ab"], {}, {"a": 1}),
]
OPERANDS: list[Any] = [
    0,
    1,
    "1",
    1.5,
    "0.3",
    0.1,
    10**18,
    "9" * 30,
    True,
    False,
    "a",
    "b",
    "true",
    "é",
    "%",
    "\\",
    "[a-z]*",
    "'",
    "\n",
]
MOMENTS = ["2023-11-14T22:13:20Z", "2023-11-14", "1900-01-01", "1s", "3650d"]


def test_every_operator_on_every_kind_of_value(database: Any) -> None:
    wheres: list[dict[str, Any]] = [{"op": op} for op in ("exists", "missing")]
    wheres += [{"op": op, "value": value} for op in ("eq", "ne", "contains") for value in OPERANDS]
    wheres += [{"op": op, "value": [value, "z", 77]} for op in ("in", "not_in") for value in OPERANDS]
    wheres += [{"op": "starts_with", "value": value} for value in OPERANDS if isinstance(value, str)]
    wheres += [
        {"op": op, "value": value}
        for op in ("gt", "gte", "lt", "lte")
        for value in OPERANDS
        if number(value) is not None
    ]
    wheres += [{"op": op, "value": value} for op in ("before", "after") for value in MOMENTS]
    wheres += [{"op": "within", "value": value} for value in MOMENTS[3:]]
    definitions = {
        f"s{place}": parse({"id": f"s{place}", "where": {"trait": "v", **where}}) for place, where in enumerate(wheres)
    }
    each = [{"traits": {"v": value}} for value in VALUES]
    people = write_people(database, [Pair([], [0], START, [profile, {"traits": {}}]) for profile in each])
    statement = segment_sql.members(definitions, list(definitions), certain=True)
    for now in (START, START + 999, START + 1_000):
        parameters = {**statement.parameters, "now": now, "people": [person.id for person in people]}
        holding = {str(id_): names for id_, names in database.query(statement.sql, parameters=parameters).result_rows}
        for person in people:
            wrong = set(holding[person.id]) ^ {
                id_ for id_, known in definitions.items() if holds(known.where, [], person.profile, now, definitions)
            }
            assert not wrong, (person.profile, [definitions[id_].where for id_ in wrong])


def order(second: int, id_: str, **properties: Any) -> tuple[int, dict[str, Any]]:
    event = {"event": "Order Completed", "event_id": id_, "message_id": id_, "channel": "order", "source": "shop"}
    return START + second * 1_000, {**event, "type": "track", "properties": properties}


def test_an_order_counts_once(database: Any) -> None:
    orders = [
        order(0, "a", order_id="1", store="s", x=5),
        order(1, "b", order_id=1, store="s", x=50),
        order(2, "c", order_id=1.0, store="s", x=500),
        order(3, "d", order_id="1", x=7),
        order(4, "e", order_id="1", store="", x=70),
        order(5, "f", x=9),
        order(5, "g", order_id="", x=9),
        order(7, "h", order_id="2", store="s"),
        order(8, "i", order_id="2", store="s", x="2.50"),
        order(9, "j", order_id=True, x=1),
        # A store that is not named is the source.
        order(10, "k", order_id="1", store="shop", x=3),
    ]
    definitions: dict[str, Definition] = {}
    for within in ({}, {"within": "2s"}, {"within": "5s"}):
        for value in (1, 2, 3, 4, 6):
            for clause in (
                {"count": {"op": "eq", "value": value}},
                {"sum": {"property": "x", "op": "eq", "value": value * 0.5 + 30}},
                {"sum": {"property": "x", "op": "gte", "value": value * 3}},
            ):
                id_ = f"s{len(definitions)}"
                where = {"event": "Order Completed", **clause, **within}
                definitions[id_] = parse({"id": id_, "where": where})
    followed = {"event": "Order Completed", "where": [{"property": "x", "op": "lt", "value": 8}]}
    for by in ({"event": "Order Completed"}, {"event": "Order Completed", "channel": "web"}, {**followed}):
        id_ = f"s{len(definitions)}"
        definitions[id_] = parse({"id": id_, "where": {**followed, "not_followed_by": by, "for": "1s"}})
    (person, _) = write_people(database, [Pair(orders, [0, 1], START, [{}, {}])])
    statement = segment_sql.members(definitions, list(definitions), certain=True)
    for now in range(START - 1_000, START + 15_000, 1_000):
        parameters = {**statement.parameters, "now": now, "people": [person.id]}
        ((_, holding),) = database.query(statement.sql, parameters=parameters).result_rows
        expected = [
            id_ for id_, known in definitions.items() if holds(known.where, person.events, {}, now, definitions)
        ]
        assert holding == expected


def test_everybody_previews_differences_and_clauses(database: Any) -> None:
    known = {"fr": parse({"id": "fr", "where": {"trait": "only_here", "op": "eq", "value": "FR"}})}
    where = {"all": [{"segment": "fr"}, {"not": {"event": "Nothing", "within": "1h"}}]}
    known["quiet"] = parse({"id": "quiet", "where": where}, known)
    inside = write_people(
        database, [Pair([], [0], START, [{"traits": {"only_here": "FR"}}, {"traits": {"only_here": "BE"}}])]
    )
    member, other = (person.id for person in inside)
    at = {"now": START}

    preview = segment_sql.preview(known["quiet"].where, known)
    found = database.query(preview.sql, parameters={**preview.parameters, **at})
    assert found.result_rows == [(1, [member])]

    everybody = segment_sql.members(known, ["fr", "quiet"])
    found = database.query(everybody.sql, parameters={**everybody.parameters, **at})
    assert {str(id_): names for id_, names in found.result_rows if names} == {member: ["fr", "quiet"]}

    now = START
    memberships = [("fr", member, now, True, 1), ("quiet", other, now, True, 1), ("unknown", other, now, True, 1)]
    table = tables.MEMBERSHIP_STATES
    database.insert(table.name, memberships, column_names=table.names, column_type_names=table.types)
    for certain in (False, True):
        differ = segment_sql.differences(known, ["fr", "quiet"], certain=certain)
        people = {"people": [member, other]} if certain else {}
        found = database.query(differ.sql, parameters={**differ.parameters, **at, **people})
        assert {(str(id_), *rest) for id_, *rest in found.result_rows} == {
            (member, "quiet", True, False),
            (other, "quiet", False, True),
        }

    truths = segment_sql.clause_truths(known["quiet"].where, known)
    found = database.query(truths.sql, parameters={**truths.parameters, **at, "people": [member, other]})
    assert {str(id_): names for id_, names in found.result_rows} == {
        member: ["where", "where.all[0]", "where.all[1]"],
        other: ["where.all[1]"],
    }


def test_the_engine_takes_a_large_definition(database: Any) -> None:
    condition = {"property": "n.m", "op": "before", "value": "2020-01-01"}
    clauses = [{"event": f"Event {number}", "within": "5d", "where": [condition] * 4} for number in range(250)]
    large = parse({"id": "s", "where": {"any": clauses}})
    statement = segment_sql.preview(large.where, {})
    assert statement.settings
    found = database.query(statement.sql, {**statement.parameters, "now": START}, settings=statement.settings)
    assert found.result_rows == [(0, [])]
    assert not segment_sql.preview(parse({"id": "s", "where": {"trait": "x", "op": "exists"}}).where, {}).settings


@pytest.mark.parametrize("text", ["'", '"', "\\", "%", "{x:String}", "a\nb", "é", "--", "'; DROP TABLE events; --"])
def test_text_is_never_part_of_the_statement(database: Any, text: str) -> None:
    plain = parse({"id": "s", "where": {"trait": "hostile", "op": "contains", "value": "x"}})
    hostile = parse({"id": "s", "where": {"trait": "hostile", "op": "contains", "value": text}})
    statement = segment_sql.members({"s": hostile}, ["s"])
    assert statement.sql == segment_sql.members({"s": plain}, ["s"]).sql
    both = [{"traits": {"hostile": f"<{text}>"}}, {"traits": {"hostile": ""}}]
    people = write_people(database, [Pair([], [0], START, both)])
    parameters = {**statement.parameters, "now": START}
    found = database.query(statement.sql, parameters=parameters)
    members = [str(id_) for id_, names in found.result_rows if names]
    assert people[0].id in members
    assert people[1].id not in members
