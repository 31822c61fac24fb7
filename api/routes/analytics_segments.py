"""`/v1/analytics/segments`: who came and who went, period by period."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import pagination
from api.analytics import RESPONSES, Rows, answer
from api.filters import Filters
from api.periods import Period

router = APIRouter()


@router.get("/segments", responses=RESPONSES)
async def segments(
    request: Request,
    filters: Filters,
    by: Period = "day",
    limit: pagination.Limit = 1000,
    cursor: pagination.Cursor = None,
) -> Response:
    """Count who entered and exited each segment in each period with changes, and its members at the period's end."""
    period, after = pagination.decode(cursor, str, str) if cursor else ("", "")
    parameters = {**filters, "period": by, "after_period": period, "after_segment": after, "limit": limit}

    def document(rows: Rows) -> dict[str, Any]:
        names = ("period", "segment_id", "entered", "exited", "members")
        items = [dict(zip(names, (*row[:2], *map(int, row[2:])), strict=True)) for row in rows]
        return {"items": items, "next": pagination.encode(*rows[-1][:2]) if len(rows) == limit else None}

    return await answer(request, "segments", parameters, document)
