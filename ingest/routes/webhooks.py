"""Webhooks of vendors: `POST /v1/webhooks/{kind}/{source}`, and the challenges that come before.

Verify, log, answer: nothing waits for anything but Kafka's acknowledgement, because vendors give up after five seconds
and switch a slow address off. What the vendor's module does not understand is kept as a dead letter.
"""

import codecs
from time import monotonic, time_ns
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Path, Request, Response

from ingest.answers import SUCCESS, Refused
from ingest.canonical import Reception, Unfit
from ingest.erasures import erasure_records
from ingest.openapi import refusals
from ingest.routes.receiving import body_of
from ingest.sources import Sources
from ingest.text import parse
from ingest.vendors.delivery import Delivery, Erasure, Handshake, Message, Topic
from ingest.vendors.mapping import channel_of, messages_of, unfit
from ingest.vendors.registry import ACCEPTED, VENDORS
from schemas.source import Source

router = APIRouter(tags=["webhooks"])
log = structlog.get_logger(__name__)

Kind = Annotated[str, Path(description="The vendor: the source's `kind`.")]
Name = Annotated[str, Path(alias="source", description="The source's name.")]
_REFUSALS: Final = refusals(
    s400="Not JSON, too large, or wrongly encoded.",
    s401="Not signed with one of the source's secrets, too old, or changed on the way.",
    s403="",
    s404="No source of this kind has this name, or it is switched off.",
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "What the vendor sends, signed as it signs.",
        "content": {"application/json": {"schema": {}}},
    }
}


@router.post("/v1/webhooks/{kind}/{source}", summary="A vendor's webhook", openapi_extra=_BODY, responses=_REFUSALS)
@router.post("/v1/webhooks/{kind}/{source}/", include_in_schema=False)
async def deliver(request: Request, kind: Kind, source_name: Name) -> Response:
    """Take one delivery; 200 says that Kafka has it, or that there is nothing in it to keep."""
    state = request.app.state
    source = _source_of(state.sources.current, kind, source_name)
    body = await body_of(request, source.limits.batch_bytes)
    delivery = _delivery(request, source, body)
    vendor = VENDORS[kind]
    if (handshake := vendor.handshake(delivery)) is not None:
        return _answer(handshake)
    if not vendor.verify(delivery):
        # No payload: whoever sent this is a stranger.
        log.warning(
            "a webhook is not signed as its source's settings say", kind=kind, source=source.name, bytes=len(body)
        )
        raise Refused(401, "invalid_signature", f"Not signed with a secret of this source: see {kind} in the settings.")
    if body.strip():
        content = parse(_utf8(body, request.headers.get("content-type", "")))
        topic = vendor.topic(delivery, content)
        said = _messages(source, topic, content)
        messages = [each for each in said if not isinstance(each, Erasure)]
        erasures = [each for each in said if isinstance(each, Erasure)]
        if len(said) > source.limits.batch_events:
            most = source.limits.batch_events
            raise Refused(
                400, "too_many_events", f"The delivery holds {len(said)} events: send at most {most} at once."
            )
        state.rates.take(source, len(messages), monotonic())
        reception = Reception(
            source, delivery.received, country=state.settings.default_country, channel=channel_of(source)
        )
        if erasures:
            await state.log.write(erasure_records(erasures, topic, reception, state.settings), delivery.received)
        waiting = state.intake.submit(messages, reception, body)
        if waiting is not None:
            await waiting
    return Response(ACCEPTED.get(kind, SUCCESS), media_type="application/json")


@router.head("/v1/webhooks/{kind}/{source}", include_in_schema=False)
@router.get(
    "/v1/webhooks/{kind}/{source}",
    summary="A vendor's challenge",
    responses=refusals(
        s400="",
        s401="",
        s403="The verify token is wrong.",
        s405="Nothing is asked: send webhooks with POST.",
        s408="",
        s429="",
        s503="",
    ),
)
async def challenge(request: Request, kind: Kind, source_name: Name) -> Response:
    """Answer what a vendor asks before it sends anything to this address."""
    source = _source_of(request.app.state.sources.current, kind, source_name)
    handshake = VENDORS[kind].handshake(_delivery(request, source, b""))
    if handshake is not None:
        return _answer(handshake)
    if request.method == "HEAD":
        return Response()
    raise Refused(405, "method_not_allowed", f"This is where {kind} sends webhooks, with POST.")


def _messages(source: Source, topic: Topic, content: Any) -> list[Message | Unfit | Erasure]:
    try:
        return messages_of(source, topic, content)
    except Exception:
        # A fault of ours: the vendor would only send the same again, so it is kept for when it is mended.
        log.exception("a webhook could not be read", source=source.name, topic=topic.name)
        why = "The collector failed on this delivery; its log says where."
        return [unfit(source, topic, content, "invalid_event", why)]


def _source_of(sources: Sources, kind: str, name: str) -> Source:
    source = sources.by_name.get(name)
    if source is None or source.kind != kind or kind not in VENDORS:
        raise Refused(404, "unknown_source", f"No source of kind {kind!r} has this name: look into the sources file.")
    if source.disabled:
        raise Refused(404, "source_disabled", "This source is switched off.")
    return source


def _delivery(request: Request, source: Source, body: bytes) -> Delivery:
    return Delivery(
        source, request.method, request.headers, request.query_params, body, received=time_ns() // 1_000_000
    )


def _answer(handshake: Handshake) -> Response:
    return Response(handshake.body, status_code=handshake.status, media_type=handshake.media_type)


def _utf8(body: bytes, content_type: str) -> bytes:
    """Return the body in JSON's charset, from the one that `Content-Type` names; an unknown one is not believed."""
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    if not charset or charset in ("utf-8", "utf8", "us-ascii"):
        return body
    try:
        codecs.lookup(charset)
        return body.decode(charset, "replace").encode("utf-8", "surrogatepass")
    except (LookupError, ValueError):
        return body
