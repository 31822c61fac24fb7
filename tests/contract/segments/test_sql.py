"""SQL on the engine itself names the same people as the oracle that evaluates all events, at every instant."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.segments.clauses import Definition
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
