"""Where tag managers point: Google's Measurement Protocol, its tag's own requests, and pushes of a `dataLayer`.

The write key is the `api_secret` (or the measurement id) that the tag is set up with; see `docs/webhooks.md`.
"""

from time import monotonic, time_ns
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from ingest.answers import SUCCESS, Refused
from ingest.auth import check_origin, key_of_header, source_of
from ingest.canonical import Reception, Rejection, canonical
from ingest.measurement.data_layer import data_layer_messages, is_data_layer
from ingest.measurement.gtag import gtag_messages
from ingest.measurement.protocol import protocol_messages
from ingest.openapi import refusals
from ingest.routes.receiving import body_of
from ingest.text import parse
from ingest.vendors.delivery import Message
from schemas.codec import dumps
from schemas.source import Source

router = APIRouter(tags=["measurement"])

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A Measurement Protocol request, a push of a dataLayer, or `{client_id, dataLayer: []}`.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {"schema": {"type": "object"}}},
    }
}
Secret = Annotated[str | None, Query(description="The write key; wins over the measurement id.")]
Measurement = Annotated[str | None, Query(description="A write key as well, where there is no secret.")]


@router.post(
    "/mp/collect",
    summary="GA4's Measurement Protocol, and pushes of a dataLayer",
    openapi_extra=_BODY,
    responses=refusals(),
)
@router.post("/mp/collect/", include_in_schema=False)
async def collect(request: Request, api_secret: Secret = None, measurement_id: Measurement = None) -> Response:
    """Take a request's events under Segment's names; 200 says that Kafka has them."""
    source = _source(request, api_secret or measurement_id)
    body = await body_of(request, source.limits.batch_bytes)
    await _submit(request, source, _read(body), body)
    return Response(SUCCESS, media_type="application/json")


@router.post(
    "/debug/mp/collect",
    summary="What the Measurement Protocol's request would become",
    openapi_extra=_BODY,
    responses=refusals(),
)
async def debug(request: Request, api_secret: Secret = None, measurement_id: Measurement = None) -> Response:
    """Say what is wrong with a request, in the shape of Google's answer, and keep nothing."""
    source = _source(request, api_secret or measurement_id)
    messages = _read(await body_of(request, source.limits.batch_bytes))
    read = [canonical(message, _reception(request, source)) for message in messages]
    faults = [
        {"description": each.message, "validationCode": each.reason} for each in read if isinstance(each, Rejection)
    ]
    return Response(dumps({"validationMessages": faults}), media_type="application/json")


@router.get(
    "/g/collect",
    summary="One event of Google's tag",
    status_code=204,
    operation_id="tag_by_query",
    responses=refusals(),
)
@router.post("/g/collect", summary="Events of Google's tag", status_code=204, responses=refusals())
async def tag(
    request: Request, tid: Annotated[str | None, Query(description="The measurement id: a write key.")] = None
) -> Response:
    """Take what the tag saw on a page; 204 says that Kafka has it."""
    source = _source(request, tid)
    body = await body_of(request, source.limits.batch_bytes)
    await _submit(request, source, gtag_messages(request.url.query, body.decode("utf-8", "replace")), b"")
    return Response(status_code=204)


def _source(request: Request, key: str | None) -> Source:
    header = request.headers.get("authorization")
    stated = key_of_header(None if header is None else header.encode("latin-1")) or (key or "").strip() or None
    source = source_of(request.app.state.sources.current, stated)
    origin = request.headers.get("origin")
    check_origin(source, None if origin is None else origin.encode("latin-1"))
    return source


def _read(body: bytes) -> list[Message]:
    content = parse(body)
    if not isinstance(content, dict):
        raise Refused(400, "invalid_request", "The body must be a JSON object with `events`, or a push of a dataLayer.")
    return data_layer_messages(content) if is_data_layer(content) else protocol_messages(content, body)


def _reception(request: Request, source: Source) -> Reception:
    state = request.app.state
    from_browser = "origin" in request.headers
    forwarded = request.headers.get("x-forwarded-for")
    client = state.proxies.client(request.scope, None if forwarded is None else forwarded.encode("latin-1"))
    return Reception(
        source,
        time_ns() // 1_000_000,
        country=state.settings.default_country,
        user_agent=request.headers.get("user-agent") if from_browser else None,
        ip=client if from_browser else None,
    )


async def _submit(request: Request, source: Source, messages: list[Message], raw: bytes) -> None:
    state = request.app.state
    if len(messages) > source.limits.batch_events:
        most = source.limits.batch_events
        raise Refused(400, "too_many_events", f"The request has {len(messages)} events: send at most {most} at once.")
    state.rates.take(source, len(messages), monotonic())
    waiting = state.intake.submit(messages, _reception(request, source), raw)
    if waiting is not None:
        await waiting
