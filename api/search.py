"""Search over profiles: conditions become one parameterised query."""

from collections.abc import Mapping
from typing import Any

from api.clickhouse import ClickHouse
from schemas.errors import Problem
from schemas.identifier import PLACE, SCOPED_FAMILIES

_MOST_TRAITS = 10
_MOST_STEPS = 5
_FIRST = "00000000-0000-0000-0000-000000000000"
# Two steps: whose ids, from the narrow columns; then their profiles.
_PAGE = """\
SELECT profile_id, raw FROM profile_states FINAL
WHERE NOT deleted AND profile_id IN
(
    SELECT profile_id FROM profile_states FINAL
    WHERE NOT deleted AND profile_id > {{after:UUID}} {conditions}
    ORDER BY profile_id LIMIT {{limit:UInt32}}
)
ORDER BY profile_id"""


class Search:
    """Finds profiles."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def page(
        self, identifier: str | None, traits: Mapping[str, str], segment: str | None, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """Return up to `limit` (profile id, profile) that meet all conditions, by profile id, after `after`."""
        conditions, parameters = conditions_of(identifier, traits, segment)
        sql = _PAGE.format(conditions=" ".join(f"AND {condition}" for condition in conditions))
        rows = await self._clickhouse.rows(sql, {**parameters, "after": after or _FIRST, "limit": limit})
        return [(profile_id, raw.encode()) for profile_id, raw in rows]


def conditions_of(
    identifier: str | None, traits: Mapping[str, str], segment: str | None
) -> tuple[list[str], dict[str, Any]]:
    """Return SQL conditions on `profile_states` and their parameters. Raises `Problem` for what is too much."""
    conditions: list[str] = []
    parameters: dict[str, Any] = {}
    if identifier:
        type_, prefix = _split(identifier)
        parameters["prefix"] = prefix
        condition = "startsWith(each.value, {prefix:String})"
        if type_:
            parameters["type"] = type_
            condition += " AND each.type = {type:String}"
        conditions.append(f"arrayExists(each -> {condition}, identifiers)")
    if len(traits) > _MOST_TRAITS:
        raise Problem("bad-request", f"Ask for at most {_MOST_TRAITS} traits at once.")
    for number, (path, value) in enumerate(sorted(traits.items())):
        conditions.append(_trait(number, path, parameters))
        parameters[f"value{number}"] = value
    if segment:
        parameters["segment"] = segment
        conditions.append("has(segments, {segment:String})")
    return conditions, parameters


def _trait(number: int, path: str, parameters: dict[str, Any]) -> str:
    """Return the condition that the trait at a dotted path is, as text, the value of that number."""
    steps = path.split(".")
    if not all(steps) or len(steps) > _MOST_STEPS:
        raise Problem("bad-request", f"trait.{path} is no trait: write trait.<name> or trait.<name>.<name>.")
    names = []
    for place, step in enumerate(steps):
        parameters[f"step{number}_{place}"] = step
        names.append(f"{{step{number}_{place}:String}}")
    at = f"traits, {', '.join(names)}"
    text = f"if(JSONType({at}) = 'String', JSONExtractString({at}), JSONExtractRaw({at}))"
    return f"{text} = {{value{number}:String}}"


def _split(identifier: str) -> tuple[str | None, str]:
    """Split `email:jane@` into type and beginning; a text that begins with no known type is a beginning itself."""
    family, colon, rest = identifier.partition(":")
    if not colon or family not in PLACE:
        return None, identifier
    if family in SCOPED_FAMILIES:
        account, colon, value = rest.partition(":")
        return (f"{family}:{account}", value) if colon else (None, identifier)
    return family, rest
