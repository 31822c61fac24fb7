"""The tracking routes: what SDKs post, straight from ASGI to Kafka.

These few paths take nearly all of the traffic, so they stand before FastAPI's router and work on bytes and dicts; what
they accept is described for OpenAPI in `ingest.openapi`. Everything between reading the body and waiting for the
acknowledgement is one synchronous step, so that nothing of a request but its records is held while it waits.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from time import monotonic, time_ns
from typing import Any, Final

from ingest.answers import JSON, SUCCESS, Refused, Send, answer, not_json, refuse, unavailable
from ingest.auth import check_origin, key_of_body, key_of_header, key_of_query, source_of
from ingest.batch import batch, single
from ingest.body import Disconnected, Receive, inflate, read_body
from ingest.budget import Budget, UnavailableError
from ingest.canonical import Reception
from ingest.clock import moment
from ingest.formats import import_body
from ingest.intake import Intake
from ingest.origin import Proxies, cors
from ingest.patience import Patience
from ingest.rate import RateLimits
from ingest.source_file import SourceFile
from ingest.text import NotJsonError, parse
from schemas.metrics import counter

Scope = MutableMapping[str, Any]

_SINGLE: Final = {
    "identify": "i",
    "track": "t",
    "page": "p",
    "screen": "s",
    "group": "g",
    "alias": "a",
}
# Path -> the type of its single event, "batch", "import", or "" for what is accepted and dropped.
PATHS: Final[dict[str, str]] = {
    **{f"/v1/{type_}": type_ for type_ in _SINGLE},
    **{f"/v1/{letter}": type_ for type_, letter in _SINGLE.items()},
    "/v1/batch": "batch",
    "/v1/b": "batch",
    "/beacon/v1/batch": "batch",
    "/v1/import": "import",
    "/v1/m": "",
}


class Tracking:
    """An ASGI application for the paths in `PATHS`."""

    def __init__(
        self,
        sources: SourceFile,
        intake: Intake,
        proxies: Proxies,
        patience: Patience,
        budget: Budget,
        country: str | None,
        now_ms: Callable[[], int] = lambda: time_ns() // 1_000_000,
    ) -> None:
        self._sources = sources
        self._intake = intake
        self._proxies = proxies
        self._patience = patience
        self._budget = budget
        self._country = country
        self._now_ms = now_ms
        self._rates = RateLimits()
        self._refusals = counter("kith_collector_refusals_total")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raises for what a sender did."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        try:
            if scope["method"] != "POST":
                raise Refused(405, "method_not_allowed", "Send events with POST.")
            with self._patience.waiting():
                body = await read_body(receive, self._sources.current.most_bytes, self._budget)
            waiting = self._submit(scope, headers, origin, body)
            del body
            if waiting is not None:
                await waiting
        except Refused as refused:
            await self._refuse(send, refused, origin)
        except UnavailableError as error:
            await self._refuse(send, unavailable(error), origin)
        except TimeoutError:
            late = f"The body stopped coming for {self._patience.limit_s:.0f} s: send it again."
            await self._refuse(send, Refused(408, "body_timeout", late), origin)
        except Disconnected:
            return
        else:
            await answer(send, 200, SUCCESS, (JSON, *cors(origin)) if origin else (JSON,))

    def _submit(
        self, scope: Scope, headers: dict[bytes, bytes], origin: bytes | None, body: bytes
    ) -> asyncio.Future[None] | None:
        kind = PATHS[scope["path"].rstrip("/")]
        if not kind:
            return None
        key = key_of_header(headers.get(b"authorization"))
        source = source_of(self._sources.current, key) if key is not None else None
        encoding = headers.get(b"content-encoding")
        if encoding is not None:
            body = inflate(body, encoding.decode("latin-1"), self._sources.current.most_bytes)
        try:
            if kind == "import":
                content = import_body(headers.get(b"content-type", b"").decode("latin-1"), body)
            else:
                content = parse(body)
            if source is None:
                key = key_of_body(content) or key_of_query(scope["query_string"])
                source = source_of(self._sources.current, key)
            check_origin(source, origin)
            limits = source.limits
            if len(body) > limits.batch_bytes:
                raise Refused(400, "request_too_large", f"The request has more than {limits.batch_bytes} bytes.")
            messages = batch(content, limits.batch_events) if kind in ("batch", "import") else single(content, kind)
            self._rates.take(source, len(messages), monotonic())
            reception = Reception(
                source,
                self._now_ms(),
                sent=moment(content.get("sentAt")),
                country=self._country,
                user_agent=headers.get(b"user-agent", b"").decode("latin-1") if origin else None,
                ip=self._proxies.client(scope, headers.get(b"x-forwarded-for")) if origin else None,
                historical=kind == "import",
            )
            return self._intake.submit(messages, reception, body)
        except NotJsonError as error:
            raise not_json(error) from error

    async def _refuse(self, send: Send, refused: Refused, origin: bytes | None) -> None:
        self._refusals.labels(refused.code).inc()
        await refuse(send, refused, cors(origin))
