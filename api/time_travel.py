"""Profiles as they were: the events up to a moment folded anew, under the identity of today.

The same pure folds as the worker's over the same events, read from the archive in pages: memory holds one page, and a
moment after the newest event gives the profile as it is. An order is whose it is today; what it was like follows from
all events about it by then, also those that came under somebody else's seed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from api.clickhouse import ClickHouse
from processors.profile import fragment as fragments
from processors.profile import orders
from processors.profile.merge import merge
from processors.profile.view import profile_view
from schemas.codec import dumps, loads
from schemas.identifier import Identifier, family_of, seed_of, strength
from schemas.times import EARLIEST, LATEST, to_iso, to_millis

_PAGE = 5000
_EVENTS = """\
SELECT toUnixTimestamp64Milli(occurred_at), toString(event_id), raw FROM events_of(profile_id = {owner:UUID})
WHERE occurred_at <= {as_of:DateTime64(3, 'UTC')}
    AND (occurred_at, event_id) > (fromUnixTimestamp64Milli({time:Int64}), {id:UUID})
ORDER BY occurred_at, event_id LIMIT {limit:UInt32}"""
# Whosever they are: a shop may tell of an order under the customer's seed, another customer's, or the order's own.
_ORDER_EVENTS = """\
WITH
    (
        SELECT groupUniqArray(value) FROM identity
        WHERE seed IN (SELECT seed FROM identity_candidates WHERE profile_id = {owner:UUID})
            AND profile_id = {owner:UUID} AND startsWith(type, 'order:')
    ) AS ids
SELECT toUnixTimestamp64Milli(occurred_at), toString(event_id), raw FROM events
WHERE hasAny(arrayMap(each -> each.2, arrayFilter(each -> startsWith(each.1, 'order:'), identifiers)), ids)
    AND channel = 'order' AND occurred_at <= {as_of:DateTime64(3, 'UTC')}
    AND (occurred_at, event_id) > (fromUnixTimestamp64Milli({time:Int64}), {id:UUID})
ORDER BY occurred_at, event_id LIMIT {limit:UInt32}"""
_BEFORE_ALL = (EARLIEST - 1, "00000000-0000-0000-0000-000000000000")
# Only the seeds that were ever the person's are looked at; the view decides which of them are.
_IDENTIFIERS = """\
SELECT type, value, toUnixTimestamp64Milli(valid_from), toUnixTimestamp64Milli(valid_to) FROM identity
WHERE seed IN (SELECT seed FROM identity_candidates WHERE profile_id = {owner:UUID}) AND profile_id = {owner:UUID}"""
_MEMBERSHIPS = """\
SELECT segment_id, argMax(toUnixTimestamp64Milli(at), sequence)
FROM segment_changes
WHERE profile_id = {owner:UUID} AND published_at <= {as_of:DateTime64(3, 'UTC')}
GROUP BY segment_id
HAVING argMax(change, sequence) = 'entered'
ORDER BY segment_id"""


class TimeTravel:
    """Reads the past."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def profile(self, owner: str, as_of: str) -> bytes | None:
        """Return the profile `owner` of the events up to `as_of` (as ClickHouse reads times); None without any.

        Segments are those of the changes that had been published by then. `version` is 0: this was never published.
        """
        identifiers = await self._clickhouse.rows(_IDENTIFIERS, {"owner": owner})
        owned = {_seed(type_, value) for type_, value, *_ in identifiers if family_of(type_) == "order"}
        # An order that nobody is known to have placed is a person of its own, and has no row.
        folded = _Folded({owner, *owned})
        await self._read(_EVENTS, owner, as_of, folded.take)
        if owned:
            await self._read(_ORDER_EVENTS, owner, as_of, folded.take_orders)
        if not folded.events and not folded.orders:
            return None
        memberships = await self._clickhouse.rows(_MEMBERSHIPS, {"owner": owner, "as_of": as_of})
        roster = roster_of(owner, identifiers, folded.fragment.get("identifiers", {}))
        placed = [orders.fragment_of_order(folded.orders[seed]) for seed in sorted(folded.orders)]
        document = profile_view(
            merge([folded.fragment, *placed]),
            profile_id=owner,
            roster=roster,
            aliases=aliases_of(owner, roster),
            segments=[{"id": segment, "since": to_iso(int(since))} for segment, since in memberships],
            version=0,
        )
        return dumps(document)

    async def _read(self, sql: str, owner: str, as_of: str, take: Callable[[list[str]], None]) -> None:
        """Hand the events of a statement to `take`, oldest first, a page at a time."""
        place: tuple[int, str] = _BEFORE_ALL
        while True:
            parameters = {"owner": owner, "as_of": as_of, "time": place[0], "id": place[1], "limit": _PAGE}
            rows = await self._clickhouse.rows(sql, parameters)
            # Folding a page takes some tens of milliseconds, in which others want to be answered.
            await asyncio.to_thread(take, [row[2] for row in rows])
            if len(rows) < _PAGE:
                return
            place = (int(rows[-1][0]), rows[-1][1])


class _Folded:
    """What the events so far say: about the person, and about each of these orders by its seed."""

    def __init__(self, owned: set[str]) -> None:
        self.events = 0
        self.fragment: fragments.Fragment = fragments.empty()
        self.orders: dict[str, orders.OrderState] = {}
        self._owned = owned
        self._told: set[str] = set()

    def take(self, raws: list[str]) -> None:
        """Fold events of the person."""
        for raw in raws:
            event = loads(raw)
            t = _time_of(event)
            fragments.fold(self.fragment, event, t)
            self.events += 1
            self._fold_order(event, t)

    def take_orders(self, raws: list[str]) -> None:
        """Fold events about the orders, some of which are the person's own and were folded before."""
        for raw in raws:
            event = loads(raw)
            self._fold_order(event, _time_of(event))

    def _fold_order(self, event: dict[str, Any], t: int) -> None:
        identifier = orders.order_of(event) if event["channel"] == "order" else None
        if identifier is None or event["event_id"] in self._told:
            return
        seed = seed_of(identifier)
        if seed in self._owned:
            self._told.add(event["event_id"])
            self.orders[seed] = orders.fold_order(self.orders.get(seed), event, t)


def roster_of(owner: str, rows: list[list[Any]], seen: dict[str, dict[str, list[int]]]) -> list[dict[str, Any]]:
    """Return the person's identifiers that had been seen by then, strongest first; `rows` is `_IDENTIFIERS`' answer.

    The identifier whose seed is the profile's id may never have been assigned: a seed without a row is its own.
    """
    own = next(
        ((type_, value) for type_, values in seen.items() for value in values if _seed(type_, value) == owner), None
    )
    slices = list(rows)
    if own and own not in {(row[0], row[1]) for row in rows}:
        slices.append([*own, EARLIEST, LATEST])
    roster = [
        {"type": type_, "value": value, "from": _bound(start, EARLIEST), "to": _bound(end, LATEST)}
        for type_, value, start, end in slices
        if family_of(type_) != "order" and value in seen.get(type_, {})
    ]
    roster.sort(key=lambda each: (*strength(Identifier(each["type"], each["value"])), each["from"] or -(2**62)))
    return roster


def aliases_of(owner: str, roster: list[dict[str, Any]]) -> list[str]:
    """Return the seeds of these identifiers, each once, without that of the profile itself."""
    seeds = dict.fromkeys(_seed(each["type"], each["value"]) for each in roster)
    seeds.pop(owner, None)
    return list(seeds)


def _time_of(event: dict[str, Any]) -> int:
    return min(max(to_millis(event["occurred_at"]), EARLIEST), LATEST)


def _seed(type_: str, value: str) -> str:
    return seed_of(Identifier(type_, value))


def _bound(millis: Any, unbounded: int) -> int | None:
    return None if int(millis) == unbounded else int(millis)
