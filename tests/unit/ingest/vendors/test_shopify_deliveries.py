"""Shopify's deliveries of one order, shuffled, repeated and incomplete: the order that they end in."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.vendors.reading import Sent, final_orders
from tests.unit.ingest.vendors.test_shopify import ORDER, REFUND, SHOP, order

LIFE: list[Sent] = [
    ("orders/create", ORDER, "w1"),
    ("orders/paid", order(financial_status="paid", updated_at="2026-02-01T11:05:00-05:00"), "w2"),
    ("orders/updated", order(financial_status="paid", updated_at="2026-02-01T11:05:00-05:00", tags="x"), "w3"),
    (
        "orders/fulfilled",
        order(financial_status="paid", fulfillment_status="fulfilled", updated_at="2026-02-02T09:00:00-05:00"),
        "w4",
    ),
    ("refunds/create", REFUND, "w5"),
    (
        "orders/updated",
        order(
            financial_status="partially_refunded",
            fulfillment_status="fulfilled",
            updated_at="2026-02-03T11:00:00-05:00",
        ),
        "w6",
    ),
]
CANCELLED: list[Sent] = [
    *LIFE[:3],
    (
        "orders/cancelled",
        order(
            financial_status="paid", cancelled_at="2026-02-02T09:00:00-05:00", updated_at="2026-02-02T09:00:00-05:00"
        ),
        "w7",
    ),
    (
        "orders/updated",
        order(
            financial_status="refunded",
            cancelled_at="2026-02-02T09:00:00-05:00",
            updated_at="2026-02-02T09:00:01-05:00",
        ),
        "w8",
    ),
    ("refunds/create", {**REFUND, "transactions": [{"kind": "refund", "status": "success", "amount": "398.00"}]}, "w9"),
]


@given(st.permutations([*LIFE, LIFE[0], LIFE[4], LIFE[2]]))
def test_any_order_of_deliveries_gives_the_order_s_final_state(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SHOP, deliveries).values()
    assert (record["status"], record["total"], record["refunded"]) == ("partially_refunded", "398.00", "41.94")
    assert (record["currency"], record["version"]) == ("USD", 6)
    assert record["updated_at"] == "2026-02-03T16:00:00.000Z"
    assert record["customer"] == {"type": "shopify:shop-a", "value": "706405506930370084"}
    assert record["placed_at"] == "2026-02-01T16:00:00.000Z"
    assert [each["status"] for each in record["history"]] == ["placed", "paid", "fulfilled", "partially_refunded"]


@given(
    st.permutations(
        [*LIFE[:4], ("orders/updated", order(total_price="350.00", updated_at="2026-02-09T00:00:00Z"), "w10")]
    )
)
def test_the_newest_total_stands(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SHOP, deliveries).values()
    assert record["total"] == "350.00"


@given(st.permutations([*CANCELLED, *CANCELLED[3:]]))
def test_an_order_once_cancelled_stays_so(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SHOP, deliveries).values()
    assert (record["status"], record["refunded"], record["version"]) == ("cancelled", "398.00", 6)


@given(
    st.permutations(
        [
            *LIFE[:4],
            (
                "orders/updated",
                order(
                    financial_status="partially_refunded",
                    fulfillment_status="fulfilled",
                    updated_at="2026-02-03T11:00:00-05:00",
                    refunds=[REFUND],
                ),
                "w6",
            ),
        ]
    )
)
def test_a_refund_that_never_arrives_is_known_from_the_order(deliveries: list[Sent]) -> None:
    (record,) = final_orders(SHOP, deliveries).values()
    assert (record["status"], record["refunded"]) == ("partially_refunded", "41.94")
    (record,) = final_orders(SHOP, [*deliveries, LIFE[4]]).values()
    assert (record["status"], record["refunded"]) == ("partially_refunded", "41.94")
