"""Orders are states: whatever order webhooks arrive in, the shop's own clock decides."""

from itertools import permutations
from typing import Any

import pytest

from processors.profile.orders import (
    OrderState,
    customer_of,
    fold_order,
    fragment_of_order,
    merged_summaries,
    order_of,
    order_record,
)
from schemas.codec import dumps_sorted
from schemas.identifier import Identifier
from schemas.profile import Order
from schemas.times import to_iso, to_millis
from tests.unit.processors.profile.canonical import DAY, NOON, Json, event, order_event


def folded(*events: Json) -> OrderState:
    state: OrderState | None = None
    for each in events:
        state = fold_order(state, each, to_millis(each["occurred_at"]))
    assert state is not None
    return state


def recorded(*events: Json) -> Json:
    """Return the order's record, the same for every order of its events and of the shape that is public."""
    orders = list(permutations(events)) if len(events) <= 4 else [events, events[::-1]]
    states = {dumps_sorted(folded(*order)) for order in orders}
    assert len(states) == 1
    record = order_record(folded(*events), "seed")
    Order.model_validate(record, strict=True)
    return record


def at(moment: int) -> str:
    return to_iso(NOON + moment)


PLACED = order_event(
    total="100.00", currency="EUR", updated_at=at(0), products=[{"product_id": "a", "price": "50", "quantity": 2}]
)


def updated(status: str, moment: int, **properties: Any) -> Json:
    return order_event("Order Updated", NOON + moment, status=status, updated_at=at(moment), **properties)


def refund(moment: int, refund_id: str | None = None, **properties: Any) -> Json:
    if refund_id is not None:
        properties["refund_id"] = refund_id
    return order_event("Order Refunded", NOON + moment, updated_at=at(moment), **properties)


def cancelled(moment: int) -> Json:
    return order_event("Order Cancelled", NOON + moment, updated_at=at(moment))


class TestWhichOrder:
    def test_the_collectors_identifier_names_it(self) -> None:
        assert order_of(order_event(order="1001", store="paris")) == Identifier("order:paris", "1001")

    def test_without_one_the_properties_do_and_the_source_is_the_store(self) -> None:
        bare = event("Order Completed", properties={"order_id": 1001.0}, source="till")
        assert order_of(bare) == Identifier("order:till", "1001")
        bare["properties"]["store"] = "paris"
        assert order_of(bare) == Identifier("order:paris", "1001")

    @pytest.mark.parametrize("order_id", [None, "", " ", "null", "0", True, [], {}])
    def test_an_order_without_an_id_is_none(self, order_id: Any) -> None:
        assert order_of(event("Order Completed", properties={"order_id": order_id})) is None

    @pytest.mark.parametrize("name", ["Checkout Started", "Payment Succeeded", None])
    def test_other_events_are_about_no_order(self, name: str | None) -> None:
        assert order_of(event(name, properties={"order_id": "1"})) is None

    def test_folding_one_of_those_is_refused(self) -> None:
        with pytest.raises(ValueError, match="is about no order"):
            fold_order(None, event("Order Completed"), NOON)

    def test_an_order_id_of_ten_thousand_characters_is_an_id(self) -> None:
        assert recorded(order_event(order="x" * 10_000))["order_id"] == "x" * 10_000


class TestFields:
    def test_the_newest_by_the_shops_clock_wins_per_field(self) -> None:
        late = order_event("Order Updated", NOON + 9, total="80.00", updated_at=at(1))
        newest = order_event("Order Updated", NOON + 2, total="90.00", updated_at=at(5))
        record = recorded(PLACED, late, newest)
        assert (record["total"], record["currency"], record["updated_at"]) == ("90.00", "EUR", at(5))
        assert record["items"] == [{"product_id": "a", "name": None, "category": None, "quantity": 2, "price": "50.00"}]

    def test_event_time_stands_in_for_a_missing_clock(self) -> None:
        web = order_event(t=NOON + 3, total="70.00")
        assert recorded(PLACED, web)["total"] == "70.00"

    @pytest.mark.parametrize(
        "lie", ["9999-12-31T00:00:00Z", "2026-03-04T12:00:00Z", "yesterday", "", 7e20, True, -(10**20)]
    )
    def test_a_clock_that_lies_is_not_believed(self, lie: Any) -> None:
        record = recorded(order_event(total="1", updated_at=lie), updated("paid", 5, total="2"))
        assert (record["total"], record["updated_at"]) == ("2.00", at(5))

    def test_seconds_and_milliseconds_are_clocks_too(self) -> None:
        assert recorded(order_event(updated_at=NOON // 1000 + 5))["updated_at"] == at(5000)
        assert recorded(order_event(updated_at=NOON + 5))["updated_at"] == at(5)

    def test_the_total_is_the_total_else_the_revenue_else_the_items(self) -> None:
        assert recorded(order_event(total="5", revenue="4"), order_event(t=NOON + 1, revenue="3"))["total"] == "5.00"
        assert recorded(order_event(revenue="4"))["total"] == "4.00"
        items = [{"product_id": "a", "price": "0.3333", "quantity": 3}, {"sku": "b", "price": 1}, {"name": "c"}, {}, 7]
        record = recorded(order_event(products=items))
        assert record["total"] == "1.9999"
        assert [item["product_id"] for item in record["items"]] == ["a", "b", "c"]
        assert recorded(order_event())["total"] == "0.00"

    @pytest.mark.parametrize(
        ("price", "quantity", "total"),
        [
            ("0.0001", "0.5", "0.00"),
            ("0.0003", "0.5", "0.0002"),
            ("0.0001", "0.51", "0.0001"),
            ("0.0003", "0.4", "0.0001"),
        ],
    )
    def test_a_fraction_of_a_unit_is_rounded_half_to_even(self, price: str, quantity: str, total: str) -> None:
        assert recorded(order_event(products=[{"sku": "a", "price": price, "quantity": quantity}]))["total"] == total

    @pytest.mark.parametrize("absurd", ["free", "1e9", 10**30, 1e300, None, True, [], {"amount": 3}])
    def test_an_unreadable_total_changes_nothing(self, absurd: Any) -> None:
        assert recorded(PLACED, updated("paid", 5, total=absurd))["total"] == "100.00"

    def test_totals_as_shops_write_them(self) -> None:
        assert recorded(order_event(total="1 234,50"))["total"] == "1234.50"
        assert recorded(order_event(total=0.1 + 0.2))["total"] == "0.30"
        assert recorded(order_event(total=-12.5))["total"] == "-12.50"

    @pytest.mark.parametrize(
        ("currency", "shown"), [("eur", "EUR"), ("€", "XXX"), (None, "XXX"), (7, "XXX"), ("ZZZ", "ZZZ")]
    )
    def test_currencies(self, currency: Any, shown: str) -> None:
        assert recorded(order_event(currency=currency))["currency"] == shown

    def test_when_it_was_placed(self) -> None:
        web, hook = order_event(t=NOON + 7, message="w"), order_event(t=NOON + 5, message="h", updated_at=at(90))
        assert recorded(web, hook)["placed_at"] == at(5)
        assert recorded(web, hook, updated("paid", 99, placed_at=at(-3)))["placed_at"] == at(-3)
        assert recorded(web, updated("paid", 99, created_at="2999-01-01"))["placed_at"] == at(7)
        assert recorded(refund(4), refund(9, total="1"), refund(6, total="2"))["placed_at"] == at(4)

    def test_the_same_order_from_website_and_webhook_is_one(self) -> None:
        web = order_event(total=100, identifiers=(("anonymous_id", "a1"),), source="web", store="shop")
        hook = order_event(t=NOON + 800, total="100.00", identifiers=(("shopify:shop", "9"),), source="shop")
        assert order_of(web) == order_of(hook)
        assert recorded(web, hook)["version"] == 2


class TestStatus:
    def status(self, *events: Json) -> str:
        return str(recorded(*events)["status"])

    def test_placed_only_if_nothing_else_is_known(self) -> None:
        assert self.status(PLACED) == "placed"
        assert self.status(updated("pending", 9), updated("paid", 5)) == "paid"

    def test_the_newest_of_paid_fulfilled_and_delivered(self) -> None:
        steps = [PLACED, updated("paid", 1), updated("fulfilled", 2), updated("delivered", 3)]
        assert self.status(*steps) == "delivered"
        assert self.status(*steps[:3]) == "fulfilled"
        assert self.status(PLACED, updated("shipped", 2), updated("paid", 3)) == "paid"
        assert self.status(updated("paid", 2), updated("fulfilled", 2)) == "fulfilled"

    @pytest.mark.parametrize("word", ["frobnicated", "", None, 3, [], {"paid": True}])
    def test_an_unknown_word_says_nothing(self, word: Any) -> None:
        assert self.status(updated("paid", 1), updated(word, 2)) == "paid"

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("Processing", "paid"),
            ("on-hold", "placed"),
            ("Complete", "fulfilled"),
            ("canceled", "cancelled"),
            ("deleted", "cancelled"),
            ("partially refunded", "placed"),
        ],
    )
    def test_what_shops_call_it(self, word: str, status: str) -> None:
        assert self.status(updated(word, 1)) == status

    def test_a_cancellation_stands_until_a_newer_status(self) -> None:
        assert self.status(PLACED, updated("paid", 1), cancelled(2)) == "cancelled"
        assert self.status(PLACED, cancelled(2), updated("fulfilled", 1)) == "cancelled"
        assert self.status(PLACED, cancelled(2), updated("paid", 3)) == "paid"
        assert self.status(PLACED, cancelled(2), updated("paid", 3), cancelled(4)) == "cancelled"
        assert self.status(cancelled(2), updated("paid", 2)) == "cancelled"

    def test_a_refund_or_a_word_from_the_website_does_not_take_a_cancellation_back(self) -> None:
        assert self.status(PLACED, cancelled(2), refund(3)) == "cancelled"
        assert self.status(cancelled(2), order_event(t=NOON + 5, total="100")) == "cancelled"
        assert self.status(cancelled(2), updated("refunded", 5)) == "cancelled"


class TestRefunds:
    def test_part_and_all_of_it(self) -> None:
        record = recorded(PLACED, refund(1, "r1", total="30.00"))
        assert (record["status"], record["refunded"]) == ("partially_refunded", "30.00")
        record = recorded(PLACED, refund(1, "r1", total="30.00"), refund(2, "r2", total="70.00"))
        assert (record["status"], record["refunded"]) == ("refunded", "100.00")

    def test_heard_twice_it_counts_once_and_its_newest_state_stands(self) -> None:
        web = order_event("Order Refunded", NOON + 1, refund_id="r1", total="30", message="w", updated_at=at(1))
        hook = order_event("Order Refunded", NOON + 1, refund_id="r1", total="25", message="h", updated_at=at(2))
        assert recorded(PLACED, web, hook)["refunded"] == "25.00"

    def test_without_an_id_the_message_is_the_refund(self) -> None:
        assert recorded(PLACED, refund(1, total="30"), refund(2, total="30"))["refunded"] == "60.00"

    def test_without_a_total_it_is_the_listed_products_at_their_own_or_the_orders_price(self) -> None:
        assert recorded(PLACED, refund(1, products=[{"product_id": "a", "quantity": 1}]))["refunded"] == "50.00"
        listed = [{"product_id": "b", "price": "3.50", "quantity": 2}, {"product_id": "unheard-of"}]
        assert recorded(PLACED, refund(1, products=listed))["refunded"] == "7.00"

    def test_without_products_either_it_is_everything_that_was_left(self) -> None:
        record = recorded(PLACED, refund(1))
        assert (record["status"], record["refunded"]) == ("refunded", "100.00")
        assert recorded(PLACED, refund(1, "r1", total="30"), refund(2, "r2"))["refunded"] == "100.00"
        assert recorded(PLACED, refund(1), updated("paid", 2, total="120"))["refunded"] == "120.00"

    def test_one_before_its_order(self) -> None:
        early = refund(-5, "r1", total="30.00", currency="EUR")
        alone = recorded(early)
        assert (alone["status"], alone["total"], alone["refunded"], alone["currency"]) == (
            "partially_refunded",
            "0.00",
            "30.00",
            "EUR",
        )
        assert recorded(early, PLACED)["refunded"] == "30.00"
        assert recorded(refund(-5))["status"] == "refunded"

    def test_one_larger_than_its_order(self) -> None:
        record = recorded(PLACED, refund(1, total="130.00"))
        assert (record["status"], record["total"], record["refunded"]) == ("refunded", "100.00", "130.00")

    def test_a_negative_one_gives_back_the_same(self) -> None:
        assert recorded(PLACED, refund(1, total="-30.00"))["refunded"] == "30.00"

    def test_one_of_nothing_changes_no_status(self) -> None:
        assert recorded(PLACED, refund(1, total="0.00"))["status"] == "placed"

    def test_a_status_of_the_shop_is_a_refund_of_everything_until_it_says_otherwise(self) -> None:
        assert recorded(PLACED, updated("refunded", 1))["refunded"] == "100.00"
        assert recorded(PLACED, updated("refunded", 1), updated("paid", 2))["refunded"] == "0.00"
        assert recorded(PLACED, updated("refunded", 1), refund(1, total="100"))["refunded"] == "100.00"
        assert recorded(PLACED, updated("partially_refunded", 1), refund(1, total="10"))["refunded"] == "10.00"


class TestHistory:
    def test_each_status_when_it_was_first_reached(self) -> None:
        paid, again, part, rest = (
            updated("paid", 1),
            updated("paid", 2),
            refund(3, "r1", total="30"),
            refund(4, "r2", total="70"),
        )
        events = [PLACED, paid, again, part, rest, cancelled(5)]
        assert recorded(*events)["history"] == [
            {"status": status, "at": at(moment), "event_id": source["event_id"]}
            for status, moment, source in [
                ("placed", 0, PLACED),
                ("paid", 1, paid),
                ("partially_refunded", 3, part),
                ("refunded", 4, rest),
                ("cancelled", 5, events[5]),
            ]
        ]

    def test_it_begins_when_the_order_was_placed(self) -> None:
        late = order_event(t=NOON + 7, updated_at=at(90), placed_at=at(5))
        assert recorded(late)["history"] == [{"status": "placed", "at": at(5), "event_id": late["event_id"]}]

    def test_a_refund_of_products_enters_it_at_the_orders_prices(self) -> None:
        part = refund(1, products=[{"product_id": "a", "quantity": 1}])
        rest = refund(2, products=[{"product_id": "a", "quantity": 1}], message="rest")
        statuses = [(each["status"], each["at"]) for each in recorded(PLACED, part, rest)["history"]]
        assert statuses == [("placed", at(0)), ("partially_refunded", at(1)), ("refunded", at(2))]

    def test_it_does_not_grow_with_events(self) -> None:
        state = folded(PLACED, *(updated("paid", moment, total="100") for moment in range(1, 300)))
        assert len(dumps_sorted(state)) < 2500


class TestCustomer:
    def named(self, *events: Json) -> tuple[Identifier, int] | None:
        found = {customer_of(folded(*order)) for order in permutations(events)}
        assert len(found) == 1
        return found.pop()

    def test_the_strongest_identifier_of_the_newest_event_that_names_one(self) -> None:
        web = order_event(t=NOON, identifiers=(("user_id", "u1"), ("anonymous_id", "a1")))
        hook = order_event("Order Updated", NOON + 5, identifiers=(("email", "j@x.fr"), ("shopify:shop", "9")))
        nameless = event(
            "Order Cancelled",
            NOON + 9,
            channel="order",
            identifiers=(("order:shop", "1001"),),
            properties={"order_id": "1001"},
        )
        assert self.named(web, hook, nameless) == (Identifier("shopify:shop", "9"), NOON + 5)
        assert self.named(nameless) is None

    def test_event_time_decides_and_not_the_shops_clock(self) -> None:
        early = order_event(t=NOON, updated_at=at(50), identifiers=(("user_id", "u1"),), message="a")
        late = order_event(t=NOON + 1, updated_at=at(1), identifiers=(("user_id", "u2"),), message="b")
        assert self.named(early, late) == (Identifier("user_id", "u2"), NOON + 1)

    def test_the_record_names_the_customer(self) -> None:
        assert recorded(PLACED)["customer"] == {"type": "user_id", "value": "u1"}


class TestFragment:
    def test_it_knows_the_order_and_the_time_of_its_newest_event(self) -> None:
        state = folded(PLACED, updated("paid", 5))
        assert fragment_of_order(state) == {
            "as_of": NOON + 5,
            "orders": {"shop": {"1001": [2, NOON, "paid", 1_000_000, 0, "EUR", True]}},
        }

    def test_of_two_states_of_one_order_the_later_stands(self) -> None:
        old, new = (fragment_of_order(folded(*events))["orders"] for events in [(PLACED,), (PLACED, cancelled(DAY))])
        assert merged_summaries([old, new]) == merged_summaries([new, old]) == new

    def test_numbers_of_two_stores_may_be_the_same(self) -> None:
        paris, lille = (fragment_of_order(folded(order_event(store=store)))["orders"] for store in ("paris", "lille"))
        before = dumps_sorted([paris, lille])
        assert set(merged_summaries([paris, lille])) == {"paris", "lille"}
        assert dumps_sorted([paris, lille]) == before


@pytest.mark.parametrize(
    ("said", "refunds", "refunded", "status"),
    [
        ([(1, "10.00")], [], "10.00", "partially_refunded"),
        ([(1, "10.00"), (2, "0.00")], [], "0.00", "paid"),
        ([(1, "100.00")], [], "100.00", "refunded"),
        ([(1, "10.00")], ["10.00"], "10.00", "partially_refunded"),
        ([(1, "10.00")], ["30.00"], "30.00", "partially_refunded"),
        ([(1, "-10.00")], [], "10.00", "partially_refunded"),
        ([(1, "nonsense")], [], "0.00", "paid"),
    ],
)
def test_the_shop_knows_of_refunds_that_have_not_arrived(
    said: list[tuple[int, str]], refunds: list[str], refunded: str, status: str
) -> None:
    stated = [updated("paid", moment, refunded=amount) for moment, amount in said]
    known = [refund(5 + number, f"r{number}", total=total) for number, total in enumerate(refunds)]
    record = recorded(PLACED, *stated, *known)
    assert (record["refunded"], record["status"]) == (refunded, status)
    if status == "partially_refunded" and not refunds:
        assert record["history"][-1] == {"status": status, "at": at(1), "event_id": stated[0]["event_id"]}
