"""Every refusal as `application/problem+json` (RFC 9457), with a stable `type`."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.clickhouse import ClickHouseError
from schemas.codec import dumps
from schemas.errors import Problem

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_OF_STATUS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}
_RETRY_AFTER_S = "1"
# ClickHouse's codes for a column, a table, a dictionary or a database that is not there.
_NOT_THERE = frozenset({8, 10, 16, 36, 47, 60, 81})
_OTHER_TABLES = "Its tables are not those of this version: `kith migrate` says what is missing, and gives it back."


class ProblemModel(BaseModel):
    """A refusal."""

    type: str
    title: str
    status: int
    detail: str


def answer(problem: Problem) -> Response:
    """Return the HTTP answer that says no in this way."""
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status in (429, 503) or problem.type == "not-yet":
        headers["Retry-After"] = _RETRY_AFTER_S
    return Response(dumps(problem.body()), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make `app` answer every refusal and every failure as a problem."""

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        return answer(problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return answer(Problem("invalid", *_sentence(error)))

    @app.exception_handler(HTTPException)
    async def refused_by_framework(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, RecursionError | UnicodeDecodeError):
            return answer(Problem("invalid", "The body is no JSON in UTF-8, or nests deeper than anything here may."))
        type_ = _OF_STATUS.get(error.status_code, "bad-request")
        detail = f"{request.method} {request.url.path}: {error.detail}. /docs lists what there is."
        response = answer(Problem(type_, detail))
        response.status_code = error.status_code
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClickHouseError)
    async def failed_query(_: Request, error: ClickHouseError) -> Response:
        log.error("query failed", code=error.code, error=error.text[:500])
        reason = _OTHER_TABLES if error.code in _NOT_THERE else "Try again in a moment."
        return answer(Problem("unavailable", f"ClickHouse could not answer (code {error.code}). {reason}"))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return answer(Problem("internal", "This is our fault; the log has the details."))


def _sentence(error: RequestValidationError) -> tuple[str]:
    parts = []
    for each in error.errors()[:5]:
        where = ".".join(str(step) for step in each["loc"])
        parts.append(f"{where}: {each['msg']}")
    return ("; ".join(parts),)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these refusals, besides 401 and 422."""
    return {status: {"model": ProblemModel, "content": {MEDIA_TYPE: {}}} for status in (401, 422, *statuses)}
