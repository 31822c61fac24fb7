"""The public profile: its shape, its sums, and that it says nothing which events did not."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from processors.profile.fragment import Fragment, empty, fold
from processors.profile.merge import merge
from processors.profile.orders import OrderState, fold_order, fragment_of_order, order_of
from processors.profile.view import MAX_OPEN_ORDERS, MAX_WEAK, Roster, profile_view
from schemas.codec import dumps
from schemas.profile import Profile
from schemas.times import to_iso, to_millis
from tests.unit.processors.profile.canonical import DAY, MINUTE, NOON, Json, event, histories, named, order_event, timed

ROSTER: Roster = (
    {"type": "anonymous_id", "value": "a1", "from": None, "to": NOON + DAY},
    {"type": "email", "value": "j@x.fr", "from": None, "to": None},
    {"type": "user_id", "value": "u1", "from": None, "to": None},
)


def shown(merged: Fragment, roster: Roster = ROSTER) -> Json:
    view = profile_view(
        merged,
        profile_id="p",
        roster=roster,
        aliases=["x"],
        segments=[{"id": "vip", "since": "2026-01-01T00:00:00.000Z"}],
        version=3,
    )
    Profile.model_validate(view)
    return view


def folded(events: list[Json]) -> Fragment:
    fragment = empty()
    for each, t in timed(events):
        fold(fragment, each, t)
    return fragment


def ordered(events: list[Json]) -> list[Fragment]:
    """Return one fragment per order that the events are about."""
    states: dict[object, OrderState] = {}
    for each, t in timed(events):
        identifier = order_of(each)
        if identifier is not None:
            states[identifier] = fold_order(states.get(identifier), each, t)
    return [fragment_of_order(state) for state in states.values()]


def test_one_person_from_visit_to_order() -> None:
    identify = event(
        t=NOON + MINUTE,
        type="identify",
        identifiers=(("user_id", "u1"), ("email", "j@x.fr"), ("anonymous_id", "a1")),
        traits={"first_name": "Jane", "country": "FR", "consent": {"email_marketing": True}},
    )
    visit = [
        event(t=NOON, context={"campaign": {"source": "google", "medium": "cpc", "name": "spring"}}),
        event("Product Viewed", NOON + 1000, properties={"product_id": "sku-1", "category": "shoes"}),
        event("Product Added", NOON + 2000, properties={"product_id": "sku-1", "category": "shoes", "price": 60.25}),
    ]
    orders = [
        order_event(t=NOON + 2 * MINUTE, order="1000", total="70.50", currency="EUR"),
        order_event("Order Updated", NOON + 4 * MINUTE, order="1000", status="delivered"),
        order_event(t=NOON + 3 * MINUTE, order="1001", total="70.00", currency="EUR"),
        order_event("Order Refunded", NOON + 5 * MINUTE, order="1001", total="20"),
    ]
    anonymous = folded(visit)
    user = folded([identify, *orders])
    view = shown(merge([anonymous, user, *ordered(orders)]))
    assert view == {
        "schema_version": 1,
        "profile_id": "p",
        "aliases": ["x"],
        "version": 3,
        "as_of": to_iso(NOON + 5 * MINUTE),
        "identifiers": [
            {
                "type": "user_id",
                "value": "u1",
                "first_seen": to_iso(NOON + MINUTE),
                "last_seen": to_iso(NOON + 5 * MINUTE),
            },
            {
                "type": "email",
                "value": "j@x.fr",
                "first_seen": to_iso(NOON + MINUTE),
                "last_seen": to_iso(NOON + MINUTE),
            },
            {
                "type": "anonymous_id",
                "value": "a1",
                "first_seen": to_iso(NOON),
                "last_seen": to_iso(NOON + MINUTE),
                "from": None,
                "to": to_iso(NOON + DAY),
            },
        ],
        "weak_count": 1,
        "traits": {"country": "FR", "first_name": "Jane"},
        "consent": {"email_marketing": {"granted": True, "at": to_iso(NOON + MINUTE)}},
        "orders": {
            "count": 2,
            "revenue": {"EUR": "120.50"},
            "refunded": {"EUR": "20.00"},
            "average_value": {"EUR": "60.25"},
            "first_at": to_iso(NOON + 2 * MINUTE),
            "last_at": to_iso(NOON + 3 * MINUTE),
            "open": [
                {
                    "order_id": "1001",
                    "store": "shop",
                    "status": "partially_refunded",
                    "total": "70.00",
                    "currency": "EUR",
                    "at": to_iso(NOON + 3 * MINUTE),
                }
            ],
        },
        "cart": {"items": [], "updated_at": to_iso(NOON + 3 * MINUTE)},
        "activity": {
            "first_seen": to_iso(NOON),
            "last_seen": to_iso(NOON + 5 * MINUTE),
            "events": 7,
            "sessions": 1,
            "page_views": 1,
            "bounces": 0,
            "by_channel": {"web": 3, "order": 4, "chat": 0, "social": 0},
        },
        "acquisition": {
            "first": {"source": "google", "medium": "cpc", "campaign": "spring", "referrer": None, "at": to_iso(NOON)},
            "last": {"source": "google", "medium": "cpc", "campaign": "spring", "referrer": None, "at": to_iso(NOON)},
        },
        "interests": {
            "categories": [{"value": "shoes", "score": 4.0}],
            "brands": [],
            "products": [{"value": "sku-1", "score": 4.0}],
        },
        "segments": [{"id": "vip", "since": "2026-01-01T00:00:00.000Z"}],
    }


def test_a_profile_without_events_has_every_field() -> None:
    view = shown(merge([]), ())
    assert view["as_of"] is None
    assert view["orders"]["count"] == view["activity"]["events"] == view["weak_count"] == 0


@given(histories())
def test_every_history_has_the_public_shape(history: list[Json]) -> None:
    view = shown(merge([folded(history), *ordered(history)]))
    seen = [each["occurred_at"] for each in history]
    assert view["as_of"] == max(seen, default=None)
    assert view["activity"]["first_seen"] == min(seen, default=None)
    assert sum(view["activity"]["by_channel"].values()) == view["activity"]["events"]


def test_of_weak_intervals_the_newest_hundred_are_listed_and_all_counted() -> None:
    slices: Roster = [
        {"type": "anonymous_id", "value": f"a{index % 7}", "from": NOON + index, "to": NOON + index + 1}
        for index in range(MAX_WEAK + 50)
    ]
    view = shown(empty(), [*slices, *ROSTER])
    assert view["weak_count"] == MAX_WEAK + 51
    strong, listed = view["identifiers"][:2], view["identifiers"][2:]
    assert [each["type"] for each in strong] == ["user_id", "email"]
    assert len(listed) == MAX_WEAK
    assert listed[0]["to"] == to_iso(NOON + DAY)
    assert listed[1]["to"] == to_iso(NOON + MAX_WEAK + 50)
    assert dumps(shown(empty(), [*ROSTER, *slices[::-1]])) == dumps(view)


def test_a_slice_that_has_not_ended_is_newer_than_one_that_has() -> None:
    slices: Roster = [
        {"type": "anonymous_id", "value": "old", "from": None, "to": NOON},
        {"type": "anonymous_id", "value": "always", "from": None, "to": None},
        {"type": "anonymous_id", "value": "now", "from": NOON, "to": None},
    ]
    assert [each["value"] for each in shown(empty(), slices)["identifiers"]] == ["now", "always", "old"]


def test_cancelled_orders_count_nowhere() -> None:
    events = [
        order_event(order="1", total="100", currency="EUR"),
        order_event("Order Refunded", NOON + 1, order="1", total="100"),
        order_event("Order Cancelled", NOON + 2, order="1"),
        order_event(order="2", total="10", currency="EUR"),
    ]
    orders = shown(merge(ordered(events)))["orders"]
    assert (orders["count"], orders["revenue"], orders["refunded"]) == (1, {"EUR": "10.00"}, {"EUR": "0.00"})


def test_currencies_are_never_added_up() -> None:
    events = [
        order_event(order="1", total="100", currency="EUR"),
        order_event(order="2", total="10.005", currency="usd"),
        order_event(order="3", total="5"),
    ]
    orders = shown(merge(ordered(events)))["orders"]
    assert orders["revenue"] == {"EUR": "100.00", "USD": "10.005", "XXX": "5.00"}
    assert orders["average_value"] == {"EUR": "100.00", "USD": "10.01", "XXX": "5.00"}


def test_open_orders_are_those_still_to_be_sent_newest_first() -> None:
    events = [order_event(t=NOON + index, order=f"o{index}") for index in range(1, MAX_OPEN_ORDERS + 20)]
    events += [
        order_event("Order Updated", NOON + 500, order="o119", status="fulfilled"),
        order_event("Order Refunded", NOON + 500, order="o118"),
        order_event("Order Cancelled", NOON + 500, order="o117"),
        order_event("Order Updated", NOON + 500, order="o116", status="paid"),
    ]
    for fragments in (ordered(events), ordered(events)[::-1]):
        listed = shown(merge(fragments))["orders"]["open"]
        assert [each["order_id"] for each in listed[:2]] == ["o116", "o115"]
        assert len(listed) == MAX_OPEN_ORDERS


_amounts = st.decimals(min_value=0, max_value=10_000, places=2)
_orders = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from(["paris", "lille"]),
        st.sampled_from(["Order Completed", "Order Updated", "Order Refunded", "Order Cancelled", "Order Updated"]),
        st.integers(0, 50),
        _amounts,
        st.sampled_from(["r1", "r2"]),
        st.sampled_from([None, "paid", "delivered"]),
    ),
    max_size=25,
)


@given(_orders, st.randoms(use_true_random=False), st.booleans())
def test_revenue_is_an_independent_sum_of_decimals(
    made: list[tuple[str, str, str, int, Decimal, str, str | None]], random: object, as_float: bool
) -> None:
    events = named(
        [
            order_event(
                name,
                NOON + 100,
                order=order,
                store=store,
                total=float(amount) if as_float else str(amount),
                currency="EUR",
                updated_at=to_iso(NOON + stamp),
                **({"refund_id": refund} if name == "Order Refunded" else {"status": status}),
            )
            for order, store, name, stamp, amount, refund, status in made
        ]
    )
    expected, count = Decimal(0), 0
    for key in {(store, order) for order, store, *_ in made}:
        mine = [
            (stamp, f"m{index}", name, amount, refund, status)
            for index, (order, store, name, stamp, amount, refund, status) in enumerate(made)
            if (store, order) == key
        ]
        # Of a cancellation and a status of one instant the cancellation stands.
        said = [(stamp, name == "Order Cancelled") for stamp, _, name, _, _, status in mine if stands(name, status)]
        if said and max(said)[1]:
            continue
        count += 1
        totals = [(stamp, message, amount) for stamp, message, name, amount, _, _ in mine if name != "Order Refunded"]
        refunds: dict[str, tuple[int, str, Decimal]] = {}
        for stamp, message, name, amount, refund, _ in sorted(mine):
            if name == "Order Refunded":
                refunds[refund] = (stamp, message, amount)
        expected += max(totals)[2] if totals else Decimal(0)
        expected -= sum((amount for _, _, amount in refunds.values()), Decimal(0))
    random.shuffle(events)  # type: ignore[attr-defined]
    orders = shown(merge(ordered(events)))["orders"]
    assert orders["count"] == count
    assert Decimal(orders["revenue"].get("EUR", "0")) == expected


def stands(name: str, status: str | None) -> bool:
    """Tell whether an event says something about an order being cancelled or not."""
    return name == "Order Cancelled" or (name != "Order Refunded" and status is not None)


@given(histories(), st.randoms(use_true_random=False))
def test_the_sum_of_orders_over_people_is_the_logs(history: list[Json], random: object) -> None:
    orders = ordered(history)
    people: list[list[Fragment]] = [[], [], []]
    for order in orders:
        people[random.randrange(3)].append(order)  # type: ignore[attr-defined]
    counted = sum(shown(merge(fragments))["orders"]["count"] for fragments in people)
    assert counted == shown(merge(orders))["orders"]["count"]


def test_times_of_the_view_are_those_of_the_events() -> None:
    fragment = folded([event(t=NOON), event(t=NOON - DAY)])
    assert to_millis(shown(fragment)["as_of"]) == NOON
