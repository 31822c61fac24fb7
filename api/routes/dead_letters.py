"""`/v1/dead-letters`: what was not accepted, and why."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.problems import responses
from schemas.codec import dumps
from schemas.errors import Problem
from schemas.times import to_iso

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], dependencies=[Authorised])

_COLUMNS = "id, source, reason, message, toUnixTimestamp64Milli(at), payload"
_LIST = f"""\
SELECT {_COLUMNS} FROM dead_letters FINAL
WHERE (at, id) < (fromUnixTimestamp64Milli({{time:Int64}}), {{id:String}})
    AND ({{source:String}} = '' OR source = {{source:String}})
    AND ({{reason:String}} = '' OR reason = {{reason:String}})
ORDER BY at DESC, id DESC LIMIT {{limit:UInt32}}"""  # noqa: S608 - constants
_ONE = f"SELECT {_COLUMNS} FROM dead_letters WHERE id = {{id:String}} LIMIT 1"  # noqa: S608 - constants
_END = [10413791999999, "\U0010ffff"]


@router.get("", responses=responses(400))
async def dead_letters(
    request: Request,
    source: Annotated[str, Query(max_length=200, description="Only of this source.")] = "",
    reason: Annotated[str, Query(max_length=100, description="Only with this reason.")] = "",
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List dead letters, newest first."""
    time, id_ = pagination.decode(cursor, int, str) if cursor else _END
    parameters = {"time": time, "id": id_, "source": source, "reason": reason, "limit": limit}
    clickhouse: ClickHouse = request.app.state.clickhouse
    rows = await clickhouse.rows(_LIST, parameters)
    following = pagination.encode(int(rows[-1][4]), rows[-1][0]) if len(rows) == limit else None
    return pagination.page([dumps(_letter(row)) for row in rows], following)


@router.get("/{id}", responses=responses(404))
async def dead_letter(request: Request, id: Annotated[str, Path(max_length=200)]) -> Response:
    """Show one dead letter."""
    clickhouse: ClickHouse = request.app.state.clickhouse
    rows = await clickhouse.rows(_ONE, {"id": id})
    if not rows:
        raise Problem("not-found", f"There is no dead letter {id}.")
    return Response(dumps(_letter(rows[0])), media_type="application/json")


def _letter(row: list[Any]) -> dict[str, Any]:
    id_, source, reason, message, at, payload = row
    return {
        "id": id_,
        "source": source,
        "reason": reason,
        "message": message,
        "at": to_iso(int(at)),
        "payload": payload,
    }
