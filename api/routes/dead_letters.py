"""`/v1/dead-letters`: what was not accepted, why, and in again.

An operator without the right to personal data sees everything but the payloads, and may replay what they do not see.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import pagination
from api.auth import Asking, Known
from api.collector import Collector
from api.dead_letters import Letter, Wanted, one, page, without_personal_data
from api.problems import responses
from schemas.codec import dumps
from schemas.errors import Problem
from schemas.records import Replay
from schemas.times import LATEST, to_millis

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], dependencies=[Known])

# Characters of a corrected payload; what was kept of the former one is shorter.
_MOST_CHARACTERS = 1 << 20
Id = Annotated[str, Path(max_length=200)]
State = Literal["open", "accepted"]


class Filter(BaseModel):
    """Which dead letters; nothing said means any."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field("", max_length=200, description="Only of this source.")
    reason: str = Field("", max_length=100, description="Only with this reason.")
    from_: str | None = Field(None, alias="from", max_length=40, description="Refused then or later, ISO 8601.")
    to: str | None = Field(None, max_length=40, description="Refused before then, ISO 8601.")
    limit: pagination.Limit = 50
    cursor: pagination.Cursor = None

    def wanted(self, state: State | None) -> Wanted:
        """Return what ClickHouse is asked for. Raises `Problem` for a time that is none."""
        return Wanted(self.source, self.reason, state or "", _time(self.from_, 0), _time(self.to, LATEST))


class ListFilter(Filter):
    """Which dead letters are listed."""

    state: State | None = Field(None, description="`open`: not replayed, or rejected again; `accepted`: an event now.")


class Correction(BaseModel):
    """What takes the place of a payload."""

    model_config = ConfigDict(extra="forbid")

    payload: Any = Field(None, description="The corrected payload: JSON, or JSON as text. Left out: as it came.")


@router.get("", responses=responses(400))
async def dead_letters(request: Request, role: Asking, filter: Annotated[ListFilter, Query()]) -> Response:
    """List dead letters, newest first, each with its newest replay."""
    found, following = await page(
        request.app.state.clickhouse, filter.wanted(filter.state), filter.limit, filter.cursor
    )
    shown = found if role == "admin" else map(without_personal_data, found)
    return pagination.page([dumps(letter) for letter in shown], following)


@router.post("/replay", responses=responses(400, 503))
async def replay_many(request: Request, filter: Filter) -> Response:
    """Replay the open dead letters that the filter names, `limit` at once; `next` continues with older ones."""
    wanted = filter.wanted("open")
    found, following = await page(request.app.state.clickhouse, wanted, filter.limit, filter.cursor)
    outcomes = await _replayed(request, [(letter, None) for letter in found])
    accepted = sum(outcome["outcome"] == "accepted" for outcome in outcomes)
    counts = {"replayed": len(outcomes), "accepted": accepted, "rejected": len(outcomes) - accepted}
    return _json({**counts, "items": outcomes, "next": following})


@router.get("/{id}", responses=responses(404))
async def dead_letter(request: Request, role: Asking, id: Id) -> Response:
    """Show one dead letter and what became of it, newest replay first."""
    letter = await _found(request, id)
    return _json(letter if role == "admin" else without_personal_data(letter))


@router.post("/{id}/replay", responses=responses(404, 503))
async def replay(request: Request, role: Asking, id: Id, correction: Correction | None = None) -> Response:
    """Replay one dead letter, as it came or corrected; answers what became of it once Kafka has it."""
    letter = await _found(request, id)
    payload = None if correction is None or correction.payload is None else _text(correction.payload)
    if payload is not None and role != "admin":
        raise Problem("forbidden", f"A token with the role {role} may not write personal data: replay it as it is.")
    (outcome,) = await _replayed(request, [(letter, payload)])
    return _json(outcome)


async def _found(request: Request, id_: str) -> Letter:
    letter = await one(request.app.state.clickhouse, id_)
    if letter is None:
        raise Problem("not-found", f"There is no dead letter {id_}.")
    return letter


async def _replayed(request: Request, letters: list[tuple[Letter, str | None]]) -> list[Replay]:
    """Hand letters to the collector, each as it came or with another payload."""
    collector: Collector = request.app.state.collector
    return await collector.replay(
        [
            {
                **{key: letter[key] for key in ("id", "source", "at")},
                "payload": letter["payload"] if payload is None else payload,
                "corrected": payload is not None,
            }
            for letter, payload in letters
        ]
    )


def _text(payload: Any) -> str:
    text = payload if isinstance(payload, str) else dumps(payload).decode()
    if len(text) > _MOST_CHARACTERS:
        raise Problem("too-large", f"The payload has {len(text)} characters; {_MOST_CHARACTERS} are taken.")
    return text


def _time(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    try:
        return to_millis(text)
    except (ValueError, OverflowError):
        raise Problem("invalid", f"{text!r} is no time: write ISO 8601, such as 2026-01-31T10:15:00Z.") from None


def _json(document: Any) -> Response:
    return Response(dumps(document), media_type="application/json")
