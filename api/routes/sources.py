"""`/v1/sources`: who may send, with which limits, and what has come."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api import pagination
from api.auth import Known
from api.problems import responses
from api.sources import sources
from schemas.codec import dumps
from schemas.errors import Problem

router = APIRouter(prefix="/v1/sources", tags=["sources"], dependencies=[Known])


@router.get("", responses=responses(400, 503))
async def list_sources(request: Request, limit: pagination.Limit = 50, cursor: pagination.Cursor = None) -> Response:
    """List the sources by name: kind, origins and limits, events by channel, dead letters, and when the last came."""
    after = pagination.decode(cursor, str)[0] if cursor else ""
    found = [source for name, source in (await _sources(request)).items() if name > after]
    page = found[:limit]
    following = pagination.encode(page[-1]["name"]) if len(found) > limit else None
    return pagination.page([dumps(source) for source in page], following)


@router.get("/{name}", responses=responses(404, 503))
async def show_source(request: Request, name: Annotated[str, Path(max_length=200)]) -> Response:
    """Show one source."""
    source = (await _sources(request)).get(name)
    if source is None:
        raise Problem("not-found", f"There is no source {name}, and nothing came from one.")
    return Response(dumps(source), media_type="application/json")


async def _sources(request: Request) -> dict[str, dict[str, Any]]:
    state = request.app.state
    return await sources(state.clickhouse, state.settings.sources)
