"""The demo's segments: one of each way to say who belongs."""

from typing import Any

SEGMENTS: tuple[dict[str, Any], ...] = (
    {
        "id": "customers",
        "name": "Everybody who has bought",
        "where": {"metric": "orders.count", "op": "gte", "value": 1},
    },
    {
        "id": "best-customers",
        "name": "Bought for 500 euros or more",
        "where": {"metric": "orders.revenue.EUR", "op": "gte", "value": 500},
    },
    {
        "id": "newsletter",
        "name": "May be written to",
        "where": {"consent": "email_marketing", "op": "granted"},
    },
    {
        "id": "active",
        "name": "Looked at a product in the last 7 days",
        "where": {"event": "Product Viewed", "within": "7d"},
    },
    {
        "id": "abandoned-cart",
        "name": "Filled a cart in the last 7 days and left it for an hour",
        "where": {
            "all": [
                {"event": "Product Added", "within": "7d"},
                {"event": "Product Added", "not_followed_by": {"event": "Order Completed"}, "for": "1h"},
            ]
        },
    },
    {
        "id": "drifting-away",
        "name": "Bought, may be written to, and not seen for 7 days",
        "where": {"all": [{"segment": "customers"}, {"segment": "newsletter"}, {"not": {"segment": "active"}}]},
    },
)
