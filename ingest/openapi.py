"""The description of the tracking routes: they stand before FastAPI's router, so their part of OpenAPI is written here.

The models describe what senders send; nothing is validated with them, because SDKs in the field are older than any
model.
"""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from ingest.routes.imports import Imported, ImportQuery
from ingest.routes.tracking import PATHS
from schemas.event import EventType


class Message(BaseModel):
    """One event, as the Segment SDKs send it. Unknown fields are ignored."""

    model_config = ConfigDict(extra="allow")

    type: EventType | None = Field(None, description="Needed in a batch; elsewhere the path says it.")
    messageId: str | None = Field(None, max_length=100, description="The same for every retry; assigned when missing.")
    userId: str | int | None = Field(None, description="The person's id in the shop.")
    anonymousId: str | int | None = Field(None, description="The browser's or device's id.")
    event: str | None = Field(None, description="Name of a track event.")
    name: str | None = Field(None, description="Name of a page or screen.")
    previousId: str | None = Field(None, description="The other id of an alias.")
    groupId: str | None = Field(None, description="The group of a group call.")
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = Field(None, description="The person's; on `group` the group's.")
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    timestamp: str | None = Field(None, description="When it happened, by the sender's clock; ISO 8601.")
    originalTimestamp: str | None = Field(None, description="Wins over `timestamp`.")
    sentAt: str | None = Field(None, description="When it was sent, by the sender's clock: corrects that clock.")
    writeKey: str | None = Field(None, description="Write key, where the request has no `Authorization`.")


class Batch(BaseModel):
    """Many events in one request; `context` and `integrations` are merged under each of them."""

    batch: list[Message] = Field(
        description="At most 2,500 events of at most 32 KB each, unless the source says otherwise."
    )
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None
    sentAt: str | None = Field(None, description="For messages without one of their own.")
    writeKey: str | None = None


class Success(BaseModel):
    """Kafka has everything that the request held; what could not be an event is a dead letter."""

    success: bool = True


class Error(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="Stable: `unknown_write_key`, `invalid_json`, `request_too_large`, `unavailable`, …")
    message: str = Field(description="What was wrong, and what would be right.")


_REFUSALS: Final = {
    "400": "The request can never work: not JSON, too large, not in the expected shape.",
    "401": "No write key, or one that nobody has.",
    "403": "The source does not take events from this origin.",
    "404": "The source is switched off.",
    "408": "The body stopped coming.",
    "429": "The source's rate limit; `Retry-After` says when to go on.",
    "503": "Kafka is away or too slow: nothing was kept, `Retry-After` says when to send it again.",
}
_FILE_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": name, "in": "query", "schema": schema, "description": schema.get("description", "")}
    for name, schema in ImportQuery.model_json_schema()["properties"].items()
    if name != "writeKey"
]
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, "mapping": {"type": "string"}},
}
_SECURITY: Final[list[dict[str, list[str]]]] = [{"basic": []}, {"bearer": []}, {"writeKey": []}]


def refusals(**own: str) -> dict[int | str, dict[str, Any]]:
    """Return how a route of FastAPI's refuses: like the tracking routes, but for what `own` says (`s401="…"`)."""
    texts = {**_REFUSALS, **{status.removeprefix("s"): text for status, text in own.items()}}
    return {int(status): {"model": Error, "description": text} for status, text in texts.items() if text}


def describe(app: FastAPI) -> None:
    """Add the tracking routes to the application's OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document["paths"] = {
                **{path: {"post": _operation(path, kind)} for path, kind in PATHS.items()},
                **document["paths"],
            }
            components = document.setdefault("components", {})
            _, models = models_json_schema(
                [(model, "validation") for model in (Message, Batch, Success, Imported, Error)],
                ref_template="#/components/schemas/{model}",
            )
            components.setdefault("schemas", {}).update(models["$defs"])
            components["securitySchemes"] = {
                "basic": {"type": "http", "scheme": "basic", "description": "The write key as user name, no password."},
                "bearer": {"type": "http", "scheme": "bearer", "description": "The write key."},
                "writeKey": {"type": "apiKey", "in": "query", "name": "writeKey"},
            }
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(path: str, kind: str) -> dict[str, Any]:
    json = {"schema": {"$ref": f"#/components/schemas/{'Batch' if kind in ('batch', 'import') else 'Message'}"}}
    content: dict[str, Any] = {"application/json": json, "text/plain": json}
    if kind == "import":
        lines = {"schema": {"type": "string", "description": "One event a line."}}
        file = {"schema": {"type": "string", "format": "binary", "description": "A file of rows."}}
        content = {
            "application/json": json,
            "application/x-ndjson": lines,
            **dict.fromkeys(("text/csv", "text/tab-separated-values", "application/vnd.apache.parquet"), file),
            "multipart/form-data": {"schema": _FORM},
        }
    return {
        **({"parameters": _FILE_PARAMETERS} if kind == "import" else {}),
        "tags": ["tracking"],
        "operationId": path.strip("/").replace("/", "_"),
        "summary": _SUMMARIES.get(kind, f"One {kind} event"),
        "description": "The body is JSON whatever its Content-Type, and may be encoded with gzip, deflate or br."
        if kind != "import"
        else "Events of the past: the time that they give is kept. JSON and NDJSON are events; with `format` or "
        "`mapping`, or as CSV, TSV, Parquet or a form, it is a file of rows (gzipped too), answered with `Imported`.",
        "security": _SECURITY,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _response("Kafka has acknowledged.", "Imported" if kind == "import" else "Success"),
            **{status: _response(text, "Error") for status, text in _REFUSALS.items()},
        },
    }


_SUMMARIES: Final = {"batch": "Many events", "import": "Many events of the past", "": "An SDK's own metrics: dropped"}


def _response(description: str, model: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}},
    }
