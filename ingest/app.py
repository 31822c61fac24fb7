"""The collector put together: the only place where its parts are chosen and connected."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from ingest.answers import Refused, not_json, unavailable
from ingest.budget import Budget, UnavailableError
from ingest.front import Front
from ingest.imports.upload import sweep
from ingest.intake import Intake
from ingest.openapi import describe
from ingest.origin import Proxies
from ingest.patience import Patience
from ingest.plan_folder import PlanFolder
from ingest.producer import Log, Producer
from ingest.rate import RateLimits
from ingest.replays import Replays
from ingest.routes import browser, health, imports, measurement, replays, webhooks
from ingest.routes.tracking import Tracking
from ingest.source_file import SourceFile
from ingest.suppression import Suppression
from ingest.text import NotJsonError
from schemas.metrics import counter
from schemas.settings import Settings

# A sender that stops in the middle of its request is let go after this long.
READ_TIMEOUT_S = 30.0


def create_app(settings: Settings, log: Log | None = None) -> Front:
    """Return the collector as an ASGI application; it connects to Kafka when it is started, or writes to `log` instead.

    Raises `KithError` when the sources file is wrong.
    """
    sources = SourceFile(settings.sources, settings.write_keys)
    budget = Budget(settings.buffer_bytes)
    suppression = Suppression(settings if log is None else None)
    if log is None:
        log = Producer(settings.bootstrap, settings.topics, settings.partitions, budget, settings.acknowledge_timeout_s)
    plans = PlanFolder(settings.tracking_plan)
    intake = Intake(log, settings.topics, plans, keeps_out=suppression.keeps_out)
    proxies = Proxies(settings.trusted_proxies)
    patience = Patience(READ_TIMEOUT_S)
    tracking = Tracking(sources, intake, proxies, patience, budget, settings.default_country)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweep(time())
        sources.start()
        plans.start()
        patience.start()
        await log.start()
        await suppression.start()
        yield
        await suppression.stop()
        await log.stop()
        await patience.stop()
        await plans.stop()
        await sources.stop()

    app = FastAPIOffline(
        title="Kith collector",
        version="1",
        summary="Takes events from SDKs, webhooks and imports, and answers when Kafka has them.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.log = log
    app.state.sources = sources
    app.state.intake = intake
    app.state.proxies = proxies
    app.state.patience = patience
    app.state.budget = budget
    app.state.rates = RateLimits()
    app.state.imports = imports.Gate()
    app.state.replays = Replays(intake, log, settings.topics, settings.default_country)
    app.state.settings = settings
    app.include_router(browser.router)
    app.include_router(health.router)
    app.include_router(webhooks.router)
    app.include_router(measurement.router)
    app.include_router(replays.router)
    app.include_router(imports.router)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NotJsonError, _not_json)
    app.add_exception_handler(UnavailableError, _unavailable)
    describe(app)
    return Front(tracking, app)


async def _http_error(_: Request, error: Any) -> JSONResponse:
    """Say what FastAPI refuses in the shape that SDKs parse."""
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_request")
    body = {"code": code, "message": str(error.detail)}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def _invalid(_: Request, error: Any) -> JSONResponse:
    faults = "; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
    return JSONResponse({"code": "invalid_request", "message": faults}, status_code=400)


async def _refused(_: Request, error: Any) -> Response:
    counter("kith_collector_refusals_total").labels(error.code).inc()
    return Response(error.body(), error.status, headers=error.headers(), media_type="application/json")


async def _not_json(request: Request, error: Any) -> Response:
    return await _refused(request, not_json(error))


async def _unavailable(request: Request, error: Any) -> Response:
    return await _refused(request, unavailable(error))
