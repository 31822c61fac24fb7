"""Where the API hands dead letters back: `POST /v1/replays`, for holders of `KITH_REPLAY_KEY` only.

What was sent in once may be sent in again only by Kith's own API, which has asked who wants it.
"""

from hashlib import sha256
from hmac import compare_digest
from time import time_ns
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError

from ingest.answers import Refused
from ingest.auth import key_of_header
from ingest.body import Disconnected, read_body
from ingest.replays import Letter, Replays
from schemas.records import Replay
from schemas.settings import Settings
from schemas.times import to_millis

router = APIRouter(tags=["replays"])

# Well above what the API sends at once.
MOST_BYTES: Final = 32 * 1024 * 1024


class LetterModel(BaseModel):
    """A dead letter, as `GET /v1/dead-letters` shows it."""

    id: str = Field(max_length=200)
    source: str = Field(max_length=200)
    at: str = Field(description="When it first came, ISO 8601.")
    payload: str = Field(description="What is read now: as it came, or corrected.")
    corrected: bool = False


class LettersModel(BaseModel):
    """Dead letters to take in."""

    letters: list[LetterModel]


_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"letters": {"type": "array", "items": LetterModel.model_json_schema()}},
                }
            }
        },
    }
}


class OutcomesModel(BaseModel):
    """What became of each, in order."""

    outcomes: list[Replay]


@router.post(
    "/v1/replays",
    summary="Take dead letters in anew (the API's own call)",
    openapi_extra=_BODY,
)
async def replay(request: Request) -> OutcomesModel:
    """Answer when Kafka has the events of the letters and what became of each."""
    state = request.app.state
    settings: Settings = state.settings
    # Before anything of the body is read: strangers cost nothing.
    _check_key(settings.replay_key.get_secret_value(), request.headers.get("authorization"))
    try:
        with state.patience.waiting():
            content = await read_body(request.receive, MOST_BYTES, state.budget)
        body = LettersModel.model_validate_json(content)
    except ValidationError as error:
        raise Refused(400, "invalid_request", f"{error.error_count()} faults in the body: see /docs.") from error
    except (TimeoutError, Disconnected) as error:
        raise Refused(408, "body_timeout", "The body stopped coming: send it again.") from error
    letters = [Letter(each.id, each.source, _millis(each.at), each.payload, each.corrected) for each in body.letters]
    replays: Replays = state.replays
    outcomes, waiting = replays.submit(letters, state.sources.current, time_ns() // 1_000_000)
    if waiting is not None:
        await waiting
    return OutcomesModel(outcomes=outcomes)


def _check_key(expected: str, authorization: str | None) -> None:
    given = key_of_header(None if authorization is None else authorization.encode("latin-1", "replace")) or ""
    if not expected:
        raise Refused(404, "not_found", "Replays are switched off: set KITH_REPLAY_KEY here and at the API.")
    if not compare_digest(sha256(given.encode("utf-8", "surrogatepass")).digest(), sha256(expected.encode()).digest()):
        raise Refused(401, "unknown_replay_key", "Only Kith's own API replays dead letters: ask it.")


def _millis(at: str) -> int:
    try:
        return to_millis(at)
    except (ValueError, OverflowError):
        raise Refused(400, "invalid_request", "`at` must be ISO 8601, as /v1/dead-letters shows it.") from None
