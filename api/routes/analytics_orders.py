"""`/v1/analytics/revenue`, `/rfm` and `/products`: what was ordered, when, of what, and by whom."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import pagination
from api.analytics import RESPONSES, Rows, answer
from api.filters import Filters
from api.periods import Period, instant
from schemas.times import LATEST

router = APIRouter()

# A Decimal(38, 4) as ClickHouse writes it.
_VALUE = re.compile(r"-?[0-9]{1,34}(\.[0-9]{1,4})?")


@router.get("/revenue", responses=RESPONSES)
async def revenue(
    request: Request,
    filters: Filters,
    by: Period = "day",
    limit: pagination.Limit = 1000,
    cursor: pagination.Cursor = None,
) -> Response:
    """Sum orders that were not cancelled by the period in which they were placed and by currency."""
    period, currency = pagination.decode(cursor, str, str) if cursor else ("", "")
    parameters = {**filters, "period": by, "after_period": period, "after_currency": currency, "limit": limit}

    def document(rows: Rows) -> dict[str, Any]:
        items = [
            {
                "period": row[0],
                "currency": row[1],
                "orders": int(row[2]),
                "gross": _amount(row[3]),
                "refunded": _amount(row[4]),
                "net": _amount(row[5]),
            }
            for row in rows
        ]
        return {"items": items, "next": pagination.encode(*rows[-1][:2]) if len(rows) == limit else None}

    return await answer(request, "revenue", parameters, document)


@router.get("/rfm", responses=RESPONSES)
async def rfm(
    request: Request,
    filters: Filters,
    as_of: Annotated[str | None, Query(max_length=40, description="Only orders placed up to this time.")] = None,
) -> Response:
    """Group everybody with an order that was not cancelled by recency, frequency and money."""
    parameters = dict(filters)
    if as_of is not None:
        # Up to and including, where `to` leaves out its own instant.
        parameters["end"] = min(parameters["end"], instant(request, "as_of", as_of, LATEST, later_ms=1))

    def document(rows: Rows) -> dict[str, Any]:
        found = [{"name": name, "people": int(people), "revenue": _amount(revenue)} for name, people, revenue in rows]
        return {"people": sum(each["people"] for each in found), "segments": found}

    return await answer(request, "rfm", parameters, document)


@router.get("/products", responses=RESPONSES)
async def products(
    request: Request,
    filters: Filters,
    by: Literal["views", "adds", "orders", "revenue"] = "views",
    limit: pagination.Limit = 100,
    cursor: pagination.Cursor = None,
) -> Response:
    """List products, the most viewed, added, ordered or sold first."""
    value, after = _place(cursor) if cursor else ("0", "")
    place = {"by": by, "first": cursor is None, "value": value, "after": after, "limit": limit}

    def document(rows: Rows) -> dict[str, Any]:
        items = [
            {
                "product_id": row[0],
                "name": row[1],
                "views": int(row[2]),
                "adds": int(row[3]),
                "orders": int(row[4]),
                "quantity": _number(row[5]),
                "revenue": _amount(row[6]),
            }
            for row in rows
        ]
        return {"items": items, "next": pagination.encode(rows[-1][7], rows[-1][0]) if len(rows) == limit else None}

    return await answer(request, "products", {**filters, **place}, document)


def _place(cursor: str) -> tuple[str, str]:
    """Return the value and the product that a cursor names. Raises `Problem` (invalid-cursor)."""
    value, product = pagination.decode(cursor, str, str)
    if not _VALUE.fullmatch(value):
        raise pagination.not_a_cursor()
    return value, product


def _amount(text: str) -> str:
    """Return a decimal text with at least two decimals and no further zeros."""
    amount = Decimal(text)
    cents = amount.quantize(Decimal("0.01"))
    return f"{cents:f}" if cents == amount else f"{amount.normalize():f}"


def _number(text: str) -> int | float:
    amount = Decimal(text)
    return int(amount) if amount == amount.to_integral_value() else float(amount)
