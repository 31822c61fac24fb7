"""An answer of analytics: the rows of a statement, made a document, kept as long as the data is the same."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from starlette.responses import Response

from api.clickhouse import ClickHouse
from api.problems import responses
from api.statements import statement
from api.versions import Versions
from schemas.codec import dumps

Rows = list[list[Any]]
RESPONSES: dict[int | str, dict[str, Any]] = {
    **responses(400, 404, 503),
    304: {"description": "Not changed since `If-None-Match`."},
}
# Decimals as text, with all their digits.
_EXACT = {"output_format_json_quote_decimals": 1}


async def answer(
    request: Request, name: str, parameters: dict[str, Any], document_of: Callable[[Rows], dict[str, Any]]
) -> Response:
    """Return what `document_of` makes of the rows of the statement `name` (`api.statements`)."""
    clickhouse: ClickHouse = request.app.state.clickhouse
    versions: Versions = request.app.state.versions

    async def compute() -> bytes:
        return dumps(document_of(await clickhouse.rows(statement(name), parameters, _EXACT)))

    return await versions.answer(request, compute)
