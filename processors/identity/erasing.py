"""What units that have not yet put on a mask still say about erased identifiers: it is not taken as evidence.

A unit's evidence from before it put on the mask may arrive after the writer has forgotten. So from an `erase` item on,
evidence that names its identifiers counts only from units that have sent `masked` for it. Plain JSON, kept in the
writer's state until all units have: `{request_id: {"named": [[type, value], …], "left": [unit, …]}}`.
"""

from collections.abc import Mapping
from typing import Any, Final

from processors.identity.evidence import Item, named_by

_OF_EVENTS: Final = frozenset({"pair", "login", "alias", "spelling", "known"})
Erasing = dict[str, dict[str, Any]]


def counted(erasing: Erasing, record: Mapping[str, Any]) -> list[Item]:
    """Return the items of one record of the log that count; take into `erasing` what begins and ends here."""
    items: list[Item] = record["items"]
    unit = str(record.get("unit", ""))
    found: list[Item] = []
    for item in items:
        kind = item[0]
        if kind == "erase":
            erasing[item[1]] = {"named": item[3], "left": [str(number) for number in range(item[4])]}
        elif kind == "masked":
            _end(erasing, unit, item[1])
            continue
        elif erasing and kind in _OF_EVENTS and _is_from_before(erasing, unit, item):
            continue
        found.append(item)
    return found


def _end(erasing: Erasing, unit: str, request_id: str) -> None:
    request = erasing.get(request_id)
    if request is not None and unit in request["left"]:
        request["left"].remove(unit)
        if not request["left"]:
            del erasing[request_id]


def _is_from_before(erasing: Erasing, unit: str, item: Item) -> bool:
    named = [[item[1], item[2]]] if item[0] == "known" else [list(identifier) for identifier in named_by(item)]
    return any(
        unit in request["left"] and any(identifier in request["named"] for identifier in named)
        for request in erasing.values()
    )
