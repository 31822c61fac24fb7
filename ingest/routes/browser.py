"""What browsers ask for besides posting events: the settings that start their SDKs, and the pixel.

The settings answers name the host that the browser asked as the one to post to, so a shop points its pages at Kith by
the host alone. They start the stock packages `@segment/analytics-next` and `@rudderstack/analytics-js` unchanged.
"""

from base64 import b64decode
from time import time_ns
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from ingest.auth import check_origin, key_of_header, source_of
from ingest.canonical import Reception
from ingest.intake import Intake
from ingest.origin import Proxies
from ingest.source_file import SourceFile
from ingest.text import NotJsonError, parse
from schemas.source import Source

router = APIRouter(tags=["browser"])

# The smallest transparent picture.
GIF: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_OBJECTS: Final = frozenset({"properties", "context", "traits"})

Host = Annotated[str, Header(description="The host that the browser asked; its events go there.")]


class SegmentSettings(BaseModel):
    """What `@segment/analytics-next` needs to start."""

    integrations: dict[str, dict[str, Any]] = Field(
        description="`Segment.io`: write key, host and protocol to post to."
    )
    plan: dict[str, dict[str, Any]] = Field(description="Every event is enabled.")
    edgeFunction: dict[str, Any]
    middlewareSettings: dict[str, Any]
    enabledMiddleware: dict[str, Any]
    metrics: dict[str, float] = Field(description="The SDK's own metrics: none.")
    legacyVideoPluginsEnabled: bool
    remotePlugins: list[Any]


class PixelQuery(BaseModel):
    """Parameters of the pixel; `properties`, `context` and `traits` are JSON objects."""

    writeKey: str | None = Field(None, description="Write key; Basic authentication wins.")
    userId: str | None = None
    anonymousId: str | None = None
    messageId: str | None = None
    event: str | None = None
    name: str | None = None
    timestamp: str | None = None
    sentAt: str | None = None
    properties: str | None = None
    context: str | None = None
    traits: str | None = None

    def message(self, type_: str) -> dict[str, Any]:
        """Return the message that the parameters spell out; an object that is not JSON stays text, and is rejected."""
        message: dict[str, Any] = self.model_dump(exclude={"writeKey"}, exclude_none=True)
        for key in _OBJECTS & message.keys():
            try:
                message[key] = parse(message[key].encode("utf-8", "surrogatepass"))
            except NotJsonError:
                continue
        return {**message, "type": type_}


class SourceConfig(BaseModel):
    """What `@rudderstack/analytics-js` needs to start."""

    source: dict[str, Any] = Field(description="The source: its name, and no destinations.")


@router.get("/v1/projects/{key}/settings", summary="Settings of Segment's browser SDK")
async def segment_settings(
    request: Request, key: Annotated[str, Path(description="Write key.")], host: Host
) -> SegmentSettings:
    """Tell `@segment/analytics-next` to post to the host that it asked."""
    sources: SourceFile = request.app.state.sources
    source_of(sources.current, key)
    enabled = {"__default": {"enabled": True, "integrations": {}}}
    return SegmentSettings(
        integrations={
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": _scheme(request),
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
            }
        },
        plan={"track": enabled, "identify": enabled, "group": enabled},
        edgeFunction={},
        middlewareSettings={},
        enabledMiddleware={},
        metrics={"sampleRate": 0},
        legacyVideoPluginsEnabled=False,
        remotePlugins=[],
    )


@router.get("/sourceConfig/", summary="Settings of RudderStack's browser SDK")
@router.get("/sourceConfig", include_in_schema=False)
async def source_config(
    request: Request,
    write_key: Annotated[
        str | None, Query(alias="writeKey", description="Write key; Basic authentication wins.")
    ] = None,
) -> SourceConfig:
    """Tell `@rudderstack/analytics-js` that its source is there and has no destinations of its own."""
    source = _source(request, write_key)
    silent = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return SourceConfig(
        source={
            "id": source.name,
            "name": source.name,
            "workspaceId": "kith",
            "enabled": True,
            "config": {"statsCollection": silent},
            "destinations": [],
        }
    )


@router.get(
    "/pixel/v1/{type_}",
    summary="An event as an image",
    response_class=Response,
    responses={200: {"content": {"image/gif": {}}, "description": "A transparent pixel; Kafka has the event."}},
)
async def pixel(
    request: Request,
    type_: Annotated[Literal["track", "page"], Path(description="Type of the event.")],
    query: Annotated[PixelQuery, Query()],
) -> Response:
    """Take one event from query parameters, as RudderStack's pixel sends it."""
    state = request.app.state
    source = _source(request, query.writeKey)
    origin, forwarded = _header(request, "origin"), _header(request, "x-forwarded-for")
    check_origin(source, origin)
    reception = Reception(
        source,
        time_ns() // 1_000_000,
        country=state.settings.default_country,
        user_agent=request.headers.get("user-agent"),
        ip=state.proxies.client(request.scope, forwarded),
    )
    intake: Intake = state.intake
    waiting = intake.submit([query.message(type_)], reception)
    if waiting is not None:
        await waiting
    return Response(GIF, media_type="image/gif", headers={"cache-control": "no-store"})


def _source(request: Request, write_key: str | None) -> Source:
    sources: SourceFile = request.app.state.sources
    key = key_of_header(_header(request, "authorization")) or (write_key or "").strip() or None
    return source_of(sources.current, key)


def _header(request: Request, name: str) -> bytes | None:
    value = request.headers.get(name)
    return None if value is None else value.encode("latin-1")


def _scheme(request: Request) -> str:
    """`https` where a proxy of ours says that the browser used it."""
    proxies: Proxies = request.app.state.proxies
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    if forwarded in ("http", "https") and proxies.sent(request.scope):
        return forwarded
    return request.url.scheme
