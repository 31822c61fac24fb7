"""Whether the collector lives, whether it can do its work, and how much it does."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from ingest.producer import Log

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str = Field("ok", description="Always `ok`.")


class Readiness(BaseModel):
    """Whether events can be acknowledged now."""

    ready: bool
    detail: str = Field(description="What it waits for, where it is not ready.")


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Alive:
    """Answer 200 as long as the process runs."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    summary="Can it acknowledge events?",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Kafka cannot be reached, or is not as it should be."}},
)
async def readyz(request: Request) -> JSONResponse:
    """Answer 200 when Kafka answers and takes events, 503 otherwise."""
    log: Log = request.app.state.log
    ready, detail = await log.ready()
    return JSONResponse({"ready": ready, "detail": detail}, status_code=200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics() -> Response:
    """Answer this process's metrics in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
