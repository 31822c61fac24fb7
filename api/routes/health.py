"""`/healthz`, `/readyz`, `/metrics`: for whoever runs this process."""

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from api.clickhouse import ClickHouse, ClickHouseError
from schemas.errors import Problem

router = APIRouter(tags=["system"])


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Answer that the process runs."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", responses={503: {"description": "ClickHouse is away, or its tables are not there yet."}})
async def readyz(request: Request) -> JSONResponse:
    """Tell whether profiles can be answered."""
    clickhouse: ClickHouse = request.app.state.clickhouse
    try:
        await clickhouse.fetch("SELECT 1 FROM profile_states LIMIT 0 FORMAT TSV")
    except (Problem, ClickHouseError) as error:
        detail = "its tables are not there yet" if isinstance(error, ClickHouseError) else "ClickHouse is away"
        return JSONResponse({"ready": False, "detail": detail}, 503)
    return JSONResponse({"ready": True, "detail": "answering"})


@router.get("/metrics", response_class=Response)
async def metrics() -> Response:
    """Answer this process's figures in Prometheus's text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
