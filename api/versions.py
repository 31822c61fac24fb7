"""Answers that are kept as long as the data they follow from is the same.

The data's version is what ClickHouse says about its parts: the newest block and mutation of each table, on all shards
together. Merges leave it as it is; an insert, a deletion and a rebuild change it. So does loading the dictionary of
owners, which follows its table a moment later (and once in some minutes by itself): an answer from between the two must
not stay. Asking for the version takes a millisecond or two, whatever is stored.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b

from fastapi import Request
from starlette.responses import Response

from api.clickhouse import ClickHouse
from projections.owners import UNSETTLED

# What analytics follow from.
TABLES = ("events", "identity_slices", "order_states", "segment_changes", "membership_states")
MOST_KEPT = 256
LARGEST_KEPT = 256 << 10
_VERSION = """\
SELECT
    groupArray((name, toString(uuid), block, data)),
    (
        SELECT groupArray((toString(last_successful_update_time), loading_duration)) FROM system.dictionaries
        WHERE database = {{database:String}} AND name = {{owners:String}}
    )
FROM
(
    SELECT tables.name AS name, tables.uuid AS uuid, sum(parts.block) AS block, sum(parts.data) AS data
    FROM system.tables AS tables
    LEFT JOIN
    (
        SELECT table, shardNum() AS shard, max(max_block_number) AS block, max(data_version) AS data
        FROM {parts} WHERE database = {{database:String}} AND active
        GROUP BY table, shard
    ) AS parts ON tables.name = parts.table
    WHERE tables.database = {{database:String}} AND tables.name IN {{tables:Array(String)}}
    GROUP BY name, uuid
    ORDER BY name
)
FORMAT TSVRaw"""


class Versions:
    """Answers by what was asked and the version of the data; the least recently used go first."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        placement = clickhouse.placement
        self._version = _VERSION.format(parts=placement.parts)
        self._asked_for = {
            "database": placement.database,
            "tables": [placement.local(name) for name in TABLES],
            "owners": UNSETTLED,
        }
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def answer(self, request: Request, compute: Callable[[], Awaitable[bytes]]) -> Response:
        """Return the answer with its ETag, computed only if nobody has asked the same of the same data before.

        A client that has this answer already gets 304.
        """
        version = await self._clickhouse.fetch(self._version, self._asked_for)
        asked = f"{request.url.path}?{request.url.query}".encode()
        tag = f'"{blake2b(asked + version, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = self._kept.pop(tag, None)
        if body is None:
            body = await compute()
        if len(body) <= LARGEST_KEPT:
            self._kept[tag] = body
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return Response(body, media_type="application/json", headers=headers)
