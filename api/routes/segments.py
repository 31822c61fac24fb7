"""`/v1/segments`: definitions, who is in them, and what changes."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from api import pagination
from api.auth import Authorised
from api.clickhouse import ClickHouse
from api.definitions import Definitions, Known, Stored, checked, checked_where, defined, definitions, living
from api.delivery.changes import Changes
from api.problems import responses
from api.progress import progress_of
from api.segment_sizes import sizes
from processors.segments.references import referring_to
from projections import segment_sql
from schemas.codec import dumps
from schemas.errors import Problem
from schemas.records import DefinitionRecord
from schemas.times import to_iso

router = APIRouter(prefix="/v1/segments", tags=["segments"], dependencies=[Authorised])

MOST_SEGMENTS = 5000
SegmentId = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,64}$")]
AsOf = Annotated[
    str | None, Query(max_length=40, description="`members` as published up to this time; the rest is today's.")
]
Document = Annotated[dict[str, Any], Body(description="`id`, `name`, `where`; see docs/segments.md.")]


class Segment(BaseModel):
    """A segment as the API answers it."""

    id: str
    name: str
    where: dict[str, Any]
    version: int
    state: str
    progress: float
    members: int
    updated_at: str


class PreviewRequest(BaseModel):
    """What to try."""

    where: dict[str, Any]


class Preview(BaseModel):
    """How many people it would hold, and ids of some of them."""

    count: int
    sample: list[str]


@router.post("", status_code=201, response_model=Segment, responses=responses(409, 503))
async def create(request: Request, document: Document) -> Response:
    """Define a segment. It applies to everybody's history; `progress` says how far that has come."""

    def decide(known: Known) -> DefinitionRecord:
        definition = checked(document, known)
        if definition.id in living(known):
            raise Problem(
                "conflict", f"There is a segment {definition.id}: change it by PUT /v1/segments/{definition.id}."
            )
        if len(living(known)) >= MOST_SEGMENTS:
            raise Problem("limit-exceeded", f"There are {MOST_SEGMENTS} segments, the most.", limit="segments")
        return _next(known, definition.id, document)

    known = await definitions_of(request).publish(decide)
    return await _answer(request, [document["id"]], known, 201)


@router.post("/preview", response_model=Preview, responses=responses(503))
async def preview(request: Request, question: PreviewRequest) -> Response:
    """Count who would be in a segment now, with some of them, before it is defined."""
    known = definitions(await definitions_of(request).known())
    statement = segment_sql.preview(checked_where(question.where, known), known)
    clickhouse: ClickHouse = request.app.state.clickhouse
    parameters = {**statement.parameters, "now": int(time.time() * 1000)}
    [(count, sample)] = await clickhouse.rows(statement.sql, parameters, statement.settings)
    return Response(dumps({"count": int(count), "sample": sample}), media_type="application/json")


@router.put("/{id}", response_model=Segment, responses=responses(503))
async def change(request: Request, id: SegmentId, document: Document) -> Response:
    """Change a segment, or define it. A document that says the same as before changes nothing."""
    document = {"id": id, **document}
    if document["id"] != id:
        raise Problem("invalid", f"The document is about segment {document['id']!r}, the path about {id!r}.")

    def decide(known: Known) -> DefinitionRecord | None:
        checked(document, known)
        before = known.get(id)
        return None if before is not None and before.document == document else _next(known, id, document)

    known = await definitions_of(request).publish(decide)
    return await _answer(request, [id], known, 200)


@router.delete("/{id}", status_code=204, responses=responses(404, 409, 503))
async def delete(request: Request, id: SegmentId) -> Response:
    """Delete a segment: everybody in it exits."""

    def decide(known: Known) -> DefinitionRecord:
        existing(known, id)
        users = referring_to(id, definitions(known))
        if users:
            raise Problem("conflict", f"Segment {id} is used by {', '.join(users[:5])}: change these first.")
        return _next(known, id, None)

    await definitions_of(request).publish(decide)
    return Response(status_code=204)


@router.get("", responses=responses(400, 503))
async def list_segments(
    request: Request, limit: pagination.Limit = 100, cursor: pagination.Cursor = None, as_of: AsOf = None
) -> Response:
    """List segments by id."""
    after = pagination.decode(cursor, str)[0] if cursor else ""
    known = await definitions_of(request).known()
    ids = [id_ for id_ in living(known) if id_ > after][:limit]
    following = pagination.encode(ids[-1]) if len(ids) == limit else None
    return pagination.page([dumps(each) for each in await _shown(request, ids, known, as_of)], following)


@router.get("/changes", responses={**responses(400, 503), 200: {"content": {"text/event-stream": {}}}})
async def changes(
    request: Request,
    segment: Annotated[list[str] | None, Query(description="Only of these segments.")] = None,
    include_moves: Annotated[bool, Query(description="Also when only the profile id changes.")] = False,
    after: Annotated[str | None, Query(max_length=20_000, description="A cursor, or `beginning`.")] = None,
) -> StreamingResponse:
    """Stream every change from now on, or after a cursor, as server-sent events; `Last-Event-ID` continues a stream."""
    stream: Changes = request.app.state.changes
    start = request.headers.get("last-event-id") or after
    events = await stream.subscribe(start, frozenset(segment) if segment else None, include_moves)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/{id}", response_model=Segment, responses=responses(400, 404, 503))
async def segment(request: Request, id: SegmentId, as_of: AsOf = None) -> Response:
    """Answer one segment, with how far it was applied and how many people are in it."""
    known = await definitions_of(request).known()
    existing(known, id)
    return await _answer(request, [id], known, 200, as_of)


async def _answer(request: Request, ids: list[str], known: Known, status: int, as_of: str | None = None) -> Response:
    body = dumps((await _shown(request, ids, known, as_of))[0])
    return Response(body, status, media_type="application/json")


async def _shown(request: Request, ids: Sequence[str], known: Known, as_of: str | None) -> list[dict[str, Any]]:
    """Return these segments as the API answers them."""
    members = await sizes(request, ids, as_of)
    applied = await progress_of(request.app.state.clickhouse, ids)
    shown = []
    for id_ in ids:
        stored = known[id_]
        progress = applied.get((id_, stored.version), 0.0)
        shown.append(
            {
                "id": id_,
                "name": id_,
                **(stored.document or {}),
                "version": stored.version,
                "state": "live" if progress >= 1 else "backfilling",
                "progress": round(progress, 4),
                "members": members.get(id_, 0),
                "updated_at": stored.updated_at,
            }
        )
    return shown


def existing(known: Known, id_: str) -> Stored:
    """Return the newest version of a segment. Raises `Problem` (not-found) when there is none."""
    stored = known.get(id_)
    if stored is None or stored.document is None:
        raise missing(id_)
    return stored


def missing(id_: str) -> Problem:
    """Return the refusal of a segment that there is not."""
    return Problem("not-found", f"There is no segment {id_}.")


def _next(known: Known, id_: str, document: dict[str, Any] | None) -> DefinitionRecord:
    version = known[id_].version + 1 if id_ in known else 1
    return defined(id_, document, version, to_iso(int(time.time() * 1000)))


def definitions_of(request: Request) -> Definitions:
    """Return the application's definitions."""
    found: Definitions = request.app.state.definitions
    return found
