"""The REST interfaces of shops that are asked instead of telling: what is asked for, and what its answers hold.

Pure: requests and answers as values. Objects come in the order in which they changed, from a moment on; a page that
shifts while it is read costs a repetition and loses nothing.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from schemas.errors import KithError
from schemas.source import Pull, Source
from schemas.times import to_iso, to_millis

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object: its fields of time, and the topics of one that is known and of one that is new."""

    name: str
    path: str
    topic: str
    created_topic: str
    changed: str
    created: str
    # Whether the shop can be asked for what changed since a moment; else everything is read, and most of it left out.
    since: bool = True


class Shop(Protocol):
    """One vendor's interface."""

    resources: Sequence[Resource]

    def headers(self, pull: Pull) -> dict[str, str]:
        """Return the headers that say who asks."""
        ...

    def parameters(self, resource: Resource, after: int | None, page: int) -> dict[str, str]:
        """Return the query for one page of what changed at `after` (ms) or later, oldest change first."""
        ...

    def items(self, answer: Any) -> list[Mapping[str, Any]]:
        """Return the objects of an answer. Raises `KithError` when it is not one of this interface."""
        ...


class WooCommerce:
    """WooCommerce's REST API v3. https://woocommerce.github.io/woocommerce-rest-api-docs/"""

    resources: Sequence[Resource] = (
        Resource(
            "orders",
            "/wp-json/wc/v3/orders",
            "order.updated",
            "order.created",
            "date_modified_gmt",
            "date_created_gmt",
        ),
        Resource(
            "customers",
            "/wp-json/wc/v3/customers",
            "customer.updated",
            "customer.created",
            "date_modified_gmt",
            "date_created_gmt",
            since=False,
        ),
    )

    def headers(self, pull: Pull) -> dict[str, str]:
        """Return Basic authentication with the consumer key and secret."""
        assert pull.key is not None
        assert pull.secret is not None
        pair = f"{pull.key.get_secret_value()}:{pull.secret.get_secret_value()}"
        return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def parameters(self, resource: Resource, after: int | None, page: int) -> dict[str, str]:
        """Return the query for one page."""
        asked = {"per_page": str(PAGE), "page": str(page), "order": "asc"}
        if not resource.since:
            return {**asked, "orderby": "id", "role": "all"}
        # `modified_after` leaves the moment itself out; times there are whole seconds.
        since = {} if after is None else {"modified_after": to_iso(after - 1000)[:19], "dates_are_gmt": "true"}
        return {**asked, "orderby": "modified", **since}

    def items(self, answer: Any) -> list[Mapping[str, Any]]:
        """Return the objects of an answer."""
        return _objects(answer)


class Magento:
    """Magento's REST API V1. https://developer.adobe.com/commerce/webapi/rest/"""

    resources: Sequence[Resource] = (
        Resource("orders", "/rest/V1/orders", "order.updated", "order.created", "updated_at", "created_at"),
        Resource("creditmemos", "/rest/V1/creditmemos", "creditmemo", "creditmemo", "updated_at", "created_at"),
        Resource("customers", "/rest/V1/customers/search", "customer", "customer", "updated_at", "created_at"),
    )

    def headers(self, pull: Pull) -> dict[str, str]:
        """Return the access token of the integration."""
        assert pull.token is not None
        return {"authorization": f"Bearer {pull.token.get_secret_value()}"}

    def parameters(self, resource: Resource, after: int | None, page: int) -> dict[str, str]:
        """Return the query for one page."""
        asked = {
            "searchCriteria[pageSize]": str(PAGE),
            "searchCriteria[currentPage]": str(page),
            "searchCriteria[sortOrders][0][field]": resource.changed,
            "searchCriteria[sortOrders][0][direction]": "ASC",
        }
        if after is not None:
            condition = "searchCriteria[filter_groups][0][filters][0]"
            asked[f"{condition}[field]"] = resource.changed
            asked[f"{condition}[condition_type]"] = "gteq"
            asked[f"{condition}[value]"] = to_iso(after)[:19].replace("T", " ")
        return asked

    def items(self, answer: Any) -> list[Mapping[str, Any]]:
        """Return the objects of an answer; one without any has null in their place."""
        return _objects((answer.get("items") or []) if isinstance(answer, dict) else answer)


SHOPS: Final[dict[str, Shop]] = {"woocommerce": WooCommerce(), "magento": Magento()}


def shop_of(source: Source) -> tuple[Shop, Pull]:
    """Return the interface that a source is pulled over. Raises `KithError` when it is not to be pulled."""
    shop = SHOPS.get(source.kind)
    if shop is None or source.pull is None:
        raise KithError(
            f"The source {source.name!r} has no `pull` in its settings: docs/sources.md shows how to add it."
        )
    return shop, source.pull


def moment(item: Mapping[str, Any], name: str) -> int | None:
    """Return a time of an object as milliseconds since 1970; both shops write UTC without saying so."""
    try:
        return to_millis(str(item[name]).replace(" ", "T"))
    except (KeyError, ValueError, OverflowError):
        return None


def identity(item: Mapping[str, Any]) -> str | None:
    """Return an object's id in its shop."""
    found = item.get("id", item.get("entity_id"))
    return str(found) if isinstance(found, int | str) and str(found) else None


def _objects(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, list):
        raise KithError("The shop answers something else than a list of objects: is `pull.url` the shop's own address?")
    return [item for item in found if isinstance(item, dict)]
