"""The API put together: the only place where its parts are chosen and connected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.auth import Tokens
from api.checker import Checker
from api.clickhouse import ANALYST, ClickHouse
from api.collector import Collector
from api.definitions import Definitions
from api.delivery.changes import Changes
from api.delivery.deliveries import Deliveries
from api.delivery.log import ChangeLog
from api.evidence import Evidence
from api.fresh import Fresh
from api.periods import zone_of
from api.privacy import Privacy
from api.profiles import Profiles
from api.routes import (
    analytics,
    dead_letters,
    health,
    identity,
    members,
    profile_details,
    profiles,
    query,
    segments,
    subscriptions,
)
from api.routes import privacy as privacy_routes
from api.routes import sources as source_routes
from api.subscriptions import Subscriptions
from api.versions import Versions
from schemas.metrics import counter, histogram
from schemas.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Return the API as an ASGI application. Raises `KithError` when no token is configured."""
    tokens = Tokens(settings.api_tokens)
    zone_of(settings)
    clickhouse = ClickHouse(settings)
    analyst = ClickHouse(settings, ANALYST)
    definitions = Definitions(settings)
    privacy = Privacy(settings)
    changes = Changes(settings, privacy.masks)
    evidence = Evidence(settings)
    fresh = Fresh(settings, clickhouse)
    collector = Collector(settings)
    receivers = Subscriptions(settings)
    change_log = ChangeLog(settings, privacy.masks)
    deliveries = Deliveries(settings, receivers, changes.tail, change_log, clickhouse)
    checker = Checker(settings, clickhouse, definitions)
    parts = (
        clickhouse,
        analyst,
        definitions,
        changes,
        evidence,
        privacy,
        fresh,
        collector,
        receivers,
        change_log,
        deliveries,
        checker,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for part in parts:
            await part.start()
        yield
        for part in reversed(parts):
            await part.stop()

    app = FastAPIOffline(
        title="Kith API",
        version="1",
        summary="Profiles, segments and analytics of a shop's customers.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.tokens = tokens
    app.state.clickhouse = clickhouse
    app.state.analyst = analyst
    app.state.query_places = asyncio.Semaphore(settings.query_max_running)
    app.state.definitions = definitions
    app.state.changes = changes
    app.state.evidence = evidence
    app.state.privacy = privacy
    app.state.fresh = fresh
    app.state.subscriptions = receivers
    app.state.deliveries = deliveries
    app.state.collector = collector
    app.state.versions = Versions(clickhouse)
    app.state.profiles = Profiles(clickhouse, privacy)
    problems.install(app)
    for each in (privacy_routes, profile_details):
        app.include_router(each.router)
    for each in (health, identity, profiles, segments, members, subscriptions, analytics, query, dead_letters):
        app.include_router(each.router)
    app.include_router(source_routes.router)
    app.add_middleware(Observed)
    app.add_middleware(EncodedPath)
    return app


class EncodedPath:
    """Routes by the path as it was sent, so that `%2F` within a key does not end it; readers decode."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope.get("raw_path"):
            scope["path"] = scope["raw_path"].decode("latin-1").partition("?")[0]
        await self._app(scope, receive, send)


class Observed:
    """Counts and times requests by route, never by path: paths hold identifiers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            counter("kith_api_requests_total").labels(route, status).inc()
            histogram("kith_api_request_seconds").labels(route).observe(perf_counter() - started)
