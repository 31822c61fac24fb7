"""Google's shapes as tag managers send them: the Measurement Protocol, dataLayer pushes, the tag's own requests."""

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from tests.unit.ingest.memory import KEY, MemoryLog, collector
from tests.unit.ingest.vendors.test_fuzz import mutated

ITEM = {
    "item_id": "SKU-1",
    "item_name": "Shoe",
    "item_brand": "Acme",
    "item_category": "Apparel",
    "item_category2": "Shoes",
    "item_variant": "red",
    "price": 35.0,
    "quantity": 2,
    "index": 0,
}
PRODUCT = {
    "product_id": "SKU-1",
    "name": "Shoe",
    "brand": "Acme",
    "category": "Apparel / Shoes",
    "variant": "red",
    "price": 35.0,
    "quantity": 2,
    "position": 0,
}
PURCHASE = {"transaction_id": "T-1", "value": 70.5, "currency": "eur", "tax": 5, "shipping": 4.5, "items": [ITEM]}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[TestClient, MemoryLog]]:
    with collector() as pair:
        yield pair


def sent(both: tuple[TestClient, MemoryLog], body: Any, path: str = "/mp/collect") -> list[dict[str, Any]]:
    """The events that a body became."""
    client, log = both
    before = len(log.events())
    answer = client.post(f"{path}?measurement_id=G-1&api_secret={KEY}", content=json.dumps(body))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    return log.events()[before:]


def measured(name: str, **params: Any) -> dict[str, Any]:
    return {"client_id": "123.456", "user_id": "u1", "events": [{"name": name, "params": params}]}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("view_item_list", "Product List Viewed"),
        ("select_item", "Product Clicked"),
        ("view_item", "Product Viewed"),
        ("add_to_cart", "Product Added"),
        ("remove_from_cart", "Product Removed"),
        ("add_to_wishlist", "Product Added to Wishlist"),
        ("view_cart", "Cart Viewed"),
        ("begin_checkout", "Checkout Started"),
        ("add_shipping_info", "Checkout Step Completed"),
        ("add_payment_info", "Payment Info Entered"),
        ("purchase", "Order Completed"),
        ("refund", "Order Refunded"),
        ("search", "Products Searched"),
        ("sign_up", "Signed Up"),
        ("my_own_event", "my_own_event"),
    ],
)
def test_names(both: tuple[TestClient, MemoryLog], name: str, event: str) -> None:
    params = PURCHASE if name in ("purchase", "refund") else {"currency": "EUR", "items": [ITEM]}
    (found,) = sent(both, measured(name, **params))
    assert (found["type"], found["event"]) == ("track", event)
    listed = found["properties"].get("products", [found["properties"]])
    assert {key: listed[0][key] for key in PRODUCT} == PRODUCT
    assert found["identifiers"][:2] == [
        {"type": "user_id", "value": "u1"},
        {"type": "anonymous_id", "value": "123.456"},
    ]


def test_a_purchase_is_an_order(both: tuple[TestClient, MemoryLog]) -> None:
    (found,) = sent(both, measured("purchase", **PURCHASE, coupon="SPRING", engagement_time_msec=5))
    assert found["channel"] == "order"
    assert found["properties"] == {
        "order_id": "T-1",
        "store": "default",
        "total": 70.5,
        "currency": "EUR",
        "tax": 5,
        "shipping": 4.5,
        "coupon": "SPRING",
        "products": [PRODUCT],
    }
    (refund,) = sent(both, measured("refund", transaction_id="T-1", currency="EUR"))
    assert "total" not in refund["properties"]


def test_several_products_are_several_events_where_segment_speaks_of_one(both: tuple[TestClient, MemoryLog]) -> None:
    body = measured("add_to_cart", currency="EUR", event_id="e1", items=[ITEM, {**ITEM, "item_id": "SKU-2"}])
    found = sent(both, body)
    assert [(each["event"], each["properties"]["product_id"], each["message_id"]) for each in found] == [
        ("Product Added", "SKU-1", "e1"),
        ("Product Added", "SKU-2", "e1:1"),
    ]


def test_pages_properties_of_the_person_and_consent(both: tuple[TestClient, MemoryLog]) -> None:
    url = "https://shop.example/shoes?utm_source=news&utm_medium=email&utm_campaign=spring&x=%zz"
    page = {
        "name": "page_view",
        "params": {"page_location": url, "page_title": "Shoes", "page_referrer": "https://g.example"},
    }
    body = {
        "client_id": "1.2",
        "timestamp_micros": "1769940000123456",
        "user_properties": {"tier": {"value": "gold"}, "junk": 5},
        "user_data": {"sha256_email_address": ["ab"], "email": "J@x.fr"},
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
        "user_location": {"country_id": "FR"},
        "events": [page, {"name": "scroll", "timestamp_micros": 1769940001000000}, "junk", None],
    }
    identify, viewed, scrolled = sent(both, body)
    assert (identify["type"], identify["traits"]["tier"]) == ("identify", "gold")
    assert identify["identifiers"][0] == {"type": "email", "value": "j@x.fr"}
    assert (viewed["type"], viewed["event"], viewed["occurred_at"]) == ("page", "Shoes", "2026-02-01T10:00:00.123Z")
    assert viewed["context"]["page"] == {
        "url": url,
        "title": "Shoes",
        "referrer": "https://g.example",
        "path": "/shoes",
    }
    assert viewed["context"]["campaign"] == {"source": "news", "medium": "email", "name": "spring"}
    assert viewed["context"]["consent"]["categoryPreferences"] == {"ad_user_data": True, "ad_personalization": False}
    assert scrolled["occurred_at"] == "2026-02-01T10:00:01.000Z"
    # A request that states a time is the same when it is sent again; one that does not is another.
    assert [each["event_id"] for each in sent(both, body)] == [
        each["event_id"] for each in (identify, viewed, scrolled)
    ]
    (first,), (second,) = sent(both, measured("scroll")), sent(both, measured("scroll"))
    assert first["event_id"] != second["event_id"]


OLD = {
    "id": "SKU-1",
    "name": "Shoe",
    "brand": "Acme",
    "category": "Apparel",
    "variant": "red",
    "price": "35.00",
    "quantity": 2,
}


@pytest.mark.parametrize(
    ("ecommerce", "event"),
    [
        ({"impressions": [OLD, OLD]}, "Product List Viewed"),
        ({"click": {"actionField": {"list": "Search"}, "products": [OLD]}}, "Product Clicked"),
        ({"detail": {"products": [OLD]}}, "Product Viewed"),
        ({"currencyCode": "EUR", "add": {"products": [OLD]}}, "Product Added"),
        ({"remove": {"products": [OLD]}}, "Product Removed"),
        ({"checkout": {"actionField": {"step": 1, "option": "Visa"}, "products": [OLD]}}, "Checkout Started"),
        (
            {"purchase": {"actionField": {"id": "T-9", "revenue": "35.43", "coupon": "C"}, "products": [OLD]}},
            "Order Completed",
        ),
        ({"refund": {"actionField": {"id": "T-9"}}}, "Order Refunded"),
        (
            {"promoView": {"promotions": [{"id": "P", "name": "Spring", "creative": "b1", "position": "s1"}]}},
            "Promotion Viewed",
        ),
    ],
)
def test_data_layers_of_universal_analytics(both: tuple[TestClient, MemoryLog], ecommerce: Any, event: str) -> None:
    (found,) = sent(both, {"client_id": "1.2", "event": "whatever", "ecommerce": ecommerce})
    assert found["event"] == event
    if event == "Order Completed":
        assert (found["properties"]["order_id"], found["properties"]["total"]) == ("T-9", "35.43")
    if event == "Promotion Viewed":
        assert (found["properties"]["promotion_id"], found["properties"]["name"]) == ("P", "Spring")


def test_a_whole_data_layer(both: tuple[TestClient, MemoryLog]) -> None:
    layer = [
        {"gtm.start": 1769940000000, "event": "gtm.js"},
        {"pageType": "product"},
        {"ecommerce": None},
        {"event": "view_item", "ecommerce": {"currency": "EUR", "items": [ITEM]}, "gtm.uniqueEventId": 4},
        {"0": "event", "1": "purchase", "2": PURCHASE},
        ["event", "add_to_cart", {"items": [ITEM]}],
        ["config", "G-1"],
        {"event": "newsletter_signup", "form": "footer"},
        "rubbish",
    ]
    found = sent(both, {"client_id": "1.2", "user_id": "u1", "dataLayer": layer})
    assert [each["event"] for each in found] == [
        "Product Viewed",
        "Order Completed",
        "Product Added",
        "newsletter_signup",
    ]
    assert found[3]["properties"] == {"form": "footer"}
    assert found[1]["properties"]["products"] == [PRODUCT]


def test_the_tag_s_own_requests(both: tuple[TestClient, MemoryLog]) -> None:
    client, log = both
    shared = {
        "v": "2",
        "tid": KEY,
        "cid": "1.2",
        "uid": "u1",
        "_p": "77",
        "_s": "1",
        "dl": "https://s.example/a",
        "dt": "A",
        "gcs": "G101",
    }
    hit = {
        "en": "add_to_cart",
        "cu": "EUR",
        "epn.value": "70",
        "ep.list": "x",
        "pr1": "idSKU-1~nmSh~~oe~pr35.5~qt2~k0size~v0XL",
        "up.tier": "gold",
    }
    before = len(log.events())
    assert client.get(f"/g/collect?{urlencode({**shared, **hit})}").status_code == 204
    lines = "\r\n".join(
        [urlencode({"en": "page_view"}), urlencode({"en": "purchase", "ep.transaction_id": "T-3", "epn.value": "9.5"})]
    )
    for _ in range(2):
        answer = client.post(f"/g/collect?{urlencode({**shared, '_s': '2'})}", content=lines)
        assert (answer.status_code, answer.content) == (204, b"")
    identify, added, page, order, *again = log.events()[before:]
    assert (identify["type"], identify["traits"]) == ("identify", {"tier": "gold"})
    assert {key: added["properties"][key] for key in ("product_id", "name", "price", "quantity", "value")} == {
        "product_id": "SKU-1",
        "name": "Sh~oe",
        "price": 35.5,
        "quantity": 2,
        "value": 70,
    }
    assert added["context"]["consent"]["categoryPreferences"] == {"ad_storage": False, "analytics_storage": True}
    assert (page["type"], page["event"]) == ("page", "A")
    assert (order["event"], order["properties"]["order_id"], order["properties"]["total"]) == (
        "Order Completed",
        "T-3",
        9.5,
    )
    assert [each["event_id"] for each in again] == [page["event_id"], order["event_id"]]


def test_keys_shapes_and_limits(both: tuple[TestClient, MemoryLog]) -> None:
    client, log = both
    body = json.dumps(measured("scroll"))
    for query, status in [
        (f"api_secret={KEY}", 200),
        (f"measurement_id={KEY}", 200),
        (f"measurement_id={KEY}&api_secret=", 200),
        ("", 401),
        (f"measurement_id={KEY}&api_secret=wrong", 401),
    ]:
        assert client.post(f"/mp/collect?{query}", content=body).status_code == status
    assert client.post("/mp/collect", content=body, auth=(KEY, "")).status_code == 200
    for rubbish in (b"", b"[]", b"null", b"{", b'"x"'):
        assert client.post(f"/mp/collect?api_secret={KEY}", content=rubbish).status_code == 400
    many = {"client_id": "1", "events": [{"name": "scroll"}] * 2501}
    assert client.post(f"/mp/collect?api_secret={KEY}", json=many).json()["code"] == "too_many_events"
    before = len(log.dead_letters())
    assert client.post(f"/mp/collect?api_secret={KEY}", json={"events": [{"name": "scroll"}, {}]}).status_code == 200
    reasons = [letter["reason"] for letter in log.dead_letters()[before:]]
    assert reasons == ["no_usable_identifier", "invalid_event"]
    answer = client.post(f"/debug/mp/collect?api_secret={KEY}", json={"events": [{"name": "scroll"}]})
    assert [each["validationCode"] for each in answer.json()["validationMessages"]] == ["no_usable_identifier"]
    assert (
        client.get(f"/g/collect?tid={KEY}&cid=1&en=scroll", headers={"origin": "https://s.example"}).status_code == 204
    )
    assert log.events()[-1]["context"]["ip"] == "testclient"


def test_no_rubbish_is_answered_with_an_error_of_ours(both: tuple[TestClient, MemoryLog]) -> None:
    client, log = both
    chance = random.Random("rubbish in the shape of measurements")
    bodies = [
        {
            **measured("purchase", **PURCHASE),
            "user_properties": {"a": {"value": 1}},
            "timestamp_micros": 1769940000123456,
        },
        {"client_id": "1", "event": "x", "ecommerce": {"purchase": {"actionField": {"id": "T"}, "products": [OLD]}}},
        {"client_id": "1", "dataLayer": [{"event": "view_item", "ecommerce": {"items": [ITEM]}}, ["event", "x", {}]]},
    ]
    for number in range(300):
        body = json.dumps(mutated(bodies[number % 3], chance)).encode()
        assert client.post(f"/mp/collect?api_secret={KEY}", content=body).status_code in (200, 400), body
        query = bytes(chance.choices(b"&=~%25enprcid.0_\xff", k=30)).decode("latin-1")
        assert client.get(f"/g/collect?tid={KEY}&cid=1&en=x&pr1=id1~{query}").status_code in (204, 400), query
    assert all("failed on this event" not in letter["message"] for letter in log.dead_letters())
