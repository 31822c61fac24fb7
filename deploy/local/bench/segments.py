"""Twenty segments of a shop that together use every kind of clause; what the path is measured with."""

from typing import Any

_BOUGHT = {"event": "Order Completed"}
_VIEWED = "Product Viewed"

SEGMENTS: tuple[dict[str, Any], ...] = (
    {"id": "customers", "where": {"metric": "orders.count", "op": "gte", "value": 1}},
    {"id": "repeat", "where": {"metric": "orders.count", "op": "gte", "value": 2}},
    {"id": "vip", "where": {"metric": "orders.revenue.EUR", "op": "gte", "value": 300}},
    {"id": "big_basket", "where": {"metric": "orders.average_value.EUR", "op": "gt", "value": "120"}},
    {"id": "active", "where": {"metric": "activity.page_views", "op": "gte", "value": 10}},
    {"id": "french", "where": {"trait": "country", "op": "eq", "value": "FR"}},
    {"id": "benelux", "where": {"trait": "country", "op": "in", "value": ["BE", "NL", "LU"]}},
    {"id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}},
    {"id": "shop_mail", "where": {"trait": "email", "op": "contains", "value": "@mail."}},
    {"id": "unknown", "where": {"trait": "email", "op": "missing"}},
    {"id": "newsletter", "where": {"consent": "email_marketing", "op": "granted"}},
    {"id": "browsing", "where": {"event": _VIEWED, "within": "1h"}},
    {"id": "keen", "where": {"event": _VIEWED, "count": {"op": "gte", "value": 5}, "within": "7d"}},
    {
        "id": "shoes",
        "where": {"event": _VIEWED, "where": [{"property": "category", "op": "eq", "value": "shoes"}], "within": "30d"},
    },
    {"id": "spender", "where": {**_BOUGHT, "sum": {"property": "total", "op": "gte", "value": 200}, "within": "90d"}},
    {"id": "abandoned", "where": {"event": "Product Added", "not_followed_by": _BOUGHT, "for": "1h"}},
    {"id": "chatting", "where": {"event": "Live Chat Message Sent", "channel": "chat", "within": "1d"}},
    {"id": "window_shopper", "where": {"all": [{"segment": "keen"}, {"not": {"segment": "customers"}}]}},
    {"id": "reachable", "where": {"any": [{"segment": "newsletter"}, {"trait": "phone", "op": "exists"}]}},
    {
        "id": "lapsing",
        "where": {"all": [{"segment": "customers"}, {"not": {**_BOUGHT, "within": "30d"}}]},
    },
)
