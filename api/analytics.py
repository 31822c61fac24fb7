"""An answer of analytics: the rows of a statement, made a document, kept as long as the data is the same."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.clickhouse import ClickHouse, ClickHouseError
from api.problems import responses
from api.reading import limit_reached
from api.statements import statement
from api.versions import Versions
from schemas.codec import dumps
from schemas.settings import Settings

Rows = list[list[Any]]
RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(400, 404, 429, 503),
    304: {"description": "Not changed since `If-None-Match`."},
}


async def answer(
    request: Request, name: str, parameters: dict[str, Any], document_of: Callable[[Rows], dict[str, Any]]
) -> Response:
    """Return what `document_of` makes of the rows of the statement `name` (`api.statements`).

    Raises `Problem` (limit-exceeded) for a question that takes longer than a query may, or more memory than there is.
    """
    clickhouse: ClickHouse = request.app.state.clickhouse
    versions: Versions = request.app.state.versions
    settings: Settings = request.app.state.settings

    async def compute() -> bytes:
        started = monotonic()
        asked = {"output_format_json_quote_decimals": 1, "max_execution_time": settings.query_max_seconds}
        try:
            return dumps(document_of(await clickhouse.rows(statement(name), parameters, asked)))
        except ClickHouseError as error:
            if (reached := limit_reached(error, settings, monotonic() - started)) is not None:
                raise reached from error
            raise

    return await versions.answer(request, compute)
