"""Definitions compiled to ClickHouse's SQL: who is in which segment at an instant, from the archive and the profiles.

The second of the two engines: it shares the parsed clauses with the stream and nothing else, reads all events anew, and
names the same people. One pass over the events of the names in question serves all clauses of a statement.

Every statement needs the parameter `now` (Int64, milliseconds) beside its own; one for certain people also `people`
(Array(UUID)). Values are parameters, never part of the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processors.segments.clauses import All, AnyOf, Clause, Definition, Not, references_of
from processors.segments.references import in_order
from projections.segment_clauses import Clauses
from projections.segment_values import FUNCTIONS

SAMPLE = 10

# The newest published profile of each person; what a clause does not read is not computed.
_PEOPLE = """\
people AS (
    SELECT profile_id, traits, consent, orders, cart, activity, acquisition, interests
    FROM profiles{restricted}
)"""

# Events carry seeds; the view says whose they are. It names its dictionaries with their database, as shards need it.
_HAPPENED = """\
matched AS (
    SELECT
        profile_id,
        toUnixTimestamp64Milli(occurred_at) AS t,
        toString(event_id) AS id,
        message_id, event, channel, properties,
        JSONExtractRaw(properties, 'order_id') AS order_raw,
        ifNull(text_of(JSONExtractRaw(properties, 'store')), '') AS store,
        if(match(order_raw, '^-?[0-9]+$'), order_raw, ifNull(text_of(order_raw), '')) AS order_id,
        if(order_id = '', id, concat(if(store = '', source, store), '\\n', order_id)) AS order_key
    FROM events_by_profile
    WHERE event IN {events}{restricted}
),
happened AS (
    SELECT
        profile_id{columns}
    FROM matched
    GROUP BY profile_id
)"""

_SEEDS = """(
            SELECT seed FROM identity_candidates WHERE profile_id IN {people:Array(UUID)}
            UNION ALL SELECT arrayJoin({people:Array(UUID)})
        )"""

_HOLDING = """\
WITH
{functions},
{tables}
SELECT profile_id, arrayFilter((name, holds) -> holds, {{names:Array(String)}}, [{shown}]) AS holding
FROM (
    SELECT people.profile_id AS profile_id,
        {selected}
    FROM people{joined}
)"""

_DIFFERENCES = """\
SELECT profile_id, segment_id, max(sql) AS in_sql, max(stream) AS in_stream
FROM (
    SELECT profile_id, arrayJoin(holding) AS segment_id, true AS sql, false AS stream
    FROM (
{computed}
    )
    UNION ALL
    SELECT profile_id, toString(segment_id), false, true
    FROM segment_membership
    WHERE segment_id IN {{names:Array(String)}}{restricted}
)
GROUP BY profile_id, segment_id
HAVING in_sql != in_stream
ORDER BY segment_id, profile_id"""


# Statements longer than this may be more than ClickHouse reads unasked; one of 1,000 clauses stays below the rest.
_LONG = 100_000
_LONG_SETTINGS = {"max_query_size": 8_000_000, "max_ast_elements": 2_000_000, "max_expanded_ast_elements": 8_000_000}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and its parameters, but for `now` and, where it is for certain people, `people`."""

    sql: str
    parameters: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, int]:
        """Return the settings that ClickHouse needs to read it: none but for long definitions."""
        return dict(_LONG_SETTINGS) if len(self.sql) > _LONG else {}


def members(definitions: Mapping[str, Definition], ids: list[str], *, certain: bool = False) -> Statement:
    """Return the statement whose rows are (profile_id, the `ids` of the segments that the person is in).

    `definitions` are all of them, for references; `certain` reads certain people only. People in no segment have a row.
    """
    return _holding({id_: definitions[id_].where for id_ in ids}, definitions, certain)


def preview(where: Clause, definitions: Mapping[str, Definition]) -> Statement:
    """Return the statement whose one row is (count of people, sample of their ids)."""
    statement = _holding({"": where}, definitions, False)
    sql = f"SELECT count() AS count, groupArraySorted({SAMPLE})(toString(profile_id)) AS sample\n"
    return Statement(f"{sql}FROM (\n{statement.sql}\n)\nWHERE notEmpty(holding)", statement.parameters)


def differences(definitions: Mapping[str, Definition], ids: list[str], *, certain: bool = False) -> Statement:
    """Return the statement whose rows are (profile_id, segment_id, in_sql, in_stream), where the two engines differ."""
    statement = members(definitions, ids, certain=certain)
    restricted = " AND profile_id IN {people:Array(UUID)}" if certain else ""
    return Statement(_DIFFERENCES.format(computed=statement.sql, restricted=restricted), statement.parameters)


def clause_truths(where: Clause, definitions: Mapping[str, Definition], *, certain: bool = True) -> Statement:
    """Return the statement whose rows are (profile_id, the paths of the clauses that hold): `where.all[2].not`."""
    return _holding(dict(_paths(where, "where")), definitions, certain)


def _paths(clause: Clause, path: str) -> list[tuple[str, Clause]]:
    found = [(path, clause)]
    if isinstance(clause, Not):
        return found + _paths(clause.clause, f"{path}.not")
    if isinstance(clause, All | AnyOf):
        kind = "all" if isinstance(clause, All) else "any"
        for index, part in enumerate(clause.clauses):
            found += _paths(part, f"{path}.{kind}[{index}]")
    return found


def _holding(wanted: Mapping[str, Clause], definitions: Mapping[str, Definition], certain: bool) -> Statement:
    """Return the statement whose rows are (profile_id, holding: the names of those of `wanted` that are true)."""
    clauses = Clauses()
    selected: list[str] = []
    for number, id_ in enumerate(_needed(wanted, definitions)):
        selected.append(f"{clauses.condition(definitions[id_].where)} AS segment_{number}")
        clauses.references[id_] = f"segment_{number}"
    conditions = [clauses.condition(clause) for clause in wanted.values()]
    selected += [f"{condition} AS wanted_{number}" for number, condition in enumerate(conditions)]
    parameters = clauses.parameters
    tables = [_PEOPLE.format(restricted=" WHERE profile_id IN {people:Array(UUID)}" if certain else "")]
    joined = ""
    if clauses.columns:
        columns = "".join(f",\n        {sql} AS {name}" for sql, name in clauses.columns.items())
        events = parameters.texts(sorted(clauses.events))
        restricted = f"\n        AND seed IN {_SEEDS}" if certain else ""
        tables.append(_HAPPENED.format(events=events, restricted=restricted, columns=columns))
        joined = "\nLEFT JOIN happened ON happened.profile_id = people.profile_id"
    sql = _HOLDING.format(
        functions=FUNCTIONS,
        tables=",\n".join(tables),
        shown=", ".join(f"wanted_{number}" for number in range(len(conditions))),
        selected=",\n        ".join(selected),
        joined=joined,
    )
    return Statement(sql, {**parameters.values, "names": list(wanted)})


def _needed(wanted: Mapping[str, Clause], definitions: Mapping[str, Definition]) -> list[str]:
    """Return the segments that clauses refer to, also through others, each after those that it refers to."""
    found: dict[str, tuple[str, ...]] = {}
    pending = [id_ for clause in wanted.values() for id_ in references_of(clause)]
    while pending:
        id_ = pending.pop()
        if id_ in definitions and id_ not in found:
            found[id_] = references_of(definitions[id_].where)
            pending.extend(found[id_])
    return in_order(found)
