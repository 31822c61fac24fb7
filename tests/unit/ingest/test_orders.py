"""The order inside an order event."""

from typing import Any

import pytest

from ingest.orders import order_properties


def order(event: str = "Order Completed", **properties: Any) -> dict[str, Any]:
    return order_properties(event, properties, "shop-a")


@pytest.mark.parametrize(
    ("given", "order_id"),
    [
        ({"order_id": " 1001 "}, "1001"),
        ({"order_id": 1001}, "1001"),
        ({"order_id": 1001.0}, "1001"),
        ({"orderId": "1001"}, "1001"),
        ({"order_id": "1", "orderId": "2"}, "1"),
        ({"order_id": ""}, None),
        ({"order_id": None}, None),
        ({"order_id": {"id": 1}}, None),
        ({}, None),
    ],
)
def test_order_id_is_text_or_absent(given: dict[str, Any], order_id: str | None) -> None:
    assert order(**given).get("order_id") == order_id
    assert ("order_id" in order(**given)) == (order_id is not None)


@pytest.mark.parametrize(
    ("given", "total"),
    [
        ({"total": "70.00", "revenue": 60}, "70.00"),
        ({"total": 0, "revenue": 60}, 0),
        ({"revenue": 60, "value": 50}, 60),
        ({"total": None, "value": 50}, 50),
        ({"revenue": None}, None),
        ({}, None),
    ],
)
def test_total_falls_back_except_on_refunds(given: dict[str, Any], total: Any) -> None:
    assert order(**given).get("total") == total
    assert order("Order Refunded", **given).get("total") == given.get("total")


def test_store_currency_and_time() -> None:
    assert order()["store"] == "shop-a"
    assert order(store="b")["store"] == "b"
    assert order(store=" ")["store"] == "shop-a"
    assert order(currency=" eur ")["currency"] == "EUR"
    assert order(currency=5)["currency"] == 5
    assert order(updated_at="2026-01-31T10:00:00.1239+01:00")["updated_at"] == "2026-01-31T09:00:00.123Z"
    assert "updated_at" not in order(updated_at="yesterday")
    assert "updated_at" not in order(updated_at=None)


def test_everything_else_stays() -> None:
    products = [{"product_id": "sku-1", "quantity": 2}]
    assert order(products=products, coupon="X")["products"] is products
    assert order(products=products, coupon="X")["coupon"] == "X"
