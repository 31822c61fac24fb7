"""What one person does, written down as the messages that the shop's systems would send.

The website names people by cookie, and by account once they are logged in; the shop's back end by account or e-mail;
the help desk by its contact id and e-mail; the social networks by the handle alone. Bringing these together is Kith's
part.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from deploy.local.sample_shop_catalogue import Line, Product, amount, cents_of
from schemas.times import to_iso

WEB: Final = "demo-web"
SHOP: Final = "demo-shop"
CHAT: Final = "demo-chat"
SOCIAL: Final = "demo-social"
SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

Message = dict[str, Any]


class Sample(NamedTuple):
    """A message of a source; `at` is its time, milliseconds since 1970."""

    at: int
    source: str
    message: Message


class Diary:
    """Collects samples whose message ids are `<name>-<number>`: the same diary always has the same ids.

    Every method takes the time first. `anonymous_id` is the cookie of the device in use, `user_id` who is logged in on
    it; both stay until they are changed.
    """

    def __init__(self, name: str, anonymous_id: str | None = None) -> None:
        self.name = name
        self.anonymous_id = anonymous_id
        self.user_id: str | None = None
        self.email: str | None = None
        self.currency = "EUR"
        self.context: Message = {}
        self.samples: list[Sample] = []

    def login(self, at: int, user_id: str, traits: Mapping[str, Any]) -> None:
        """Log in on the device in use."""
        self.user_id = user_id
        self.email = traits.get("email", self.email)
        self._web(at, {"type": "identify", "traits": dict(traits)})

    def page(self, at: int, name: str) -> None:
        """Look at a page of the shop."""
        path = "/" if name == "Home" else f"/{name.lower().replace(' ', '-')}"
        self._web(at, {"type": "page", "name": name, "properties": {"path": path}})

    def listing(self, at: int, category: str) -> None:
        """Look at a list of products."""
        self._web(at, _track("Product List Viewed", {"category": category}))

    def view(self, at: int, product: Product) -> None:
        """Look at a product."""
        self._web(at, _track("Product Viewed", {**product.line(), "currency": self.currency}))

    def add(self, at: int, product: Product, quantity: int = 1) -> None:
        """Put a product into the cart."""
        self._web(at, _track("Product Added", {**product.line(quantity), "currency": self.currency}))

    def checkout(self, at: int, lines: list[Line]) -> None:
        """Go to the check-out."""
        self._web(at, _track("Checkout Started", {"products": lines, "currency": self.currency}))

    def order(self, at: int, order_id: str, lines: list[Line]) -> None:
        """Place an order: the back end reports it as paid, under the account, else under the e-mail."""
        properties = {"total": amount(cents_of(lines)), "status": "paid", "products": lines}
        self._shop(at, "Order Completed", order_id, properties)

    def progress(self, at: int, order_id: str, status: str) -> None:
        """Let an order come to a status."""
        self._shop(at, "Order Updated", order_id, {"status": status})

    def refund(self, at: int, order_id: str, lines: list[Line]) -> None:
        """Give back what these lines cost."""
        properties = {"refund_id": f"{order_id}-r{len(self.samples)}", "total": amount(cents_of(lines))}
        self._shop(at, "Order Refunded", order_id, properties)

    def cancel(self, at: int, order_id: str) -> None:
        """Cancel an order."""
        self._shop(at, "Order Cancelled", order_id, {"status": "cancelled"})

    def chat(self, at: int, contact: str, *, sent: bool = True, instagram: str | None = None) -> None:
        """Write to the help desk, or get its answer; the contact's e-mail and Instagram handle come along."""
        handle = {} if instagram is None else {"instagram": instagram}
        name = "Live Chat Message Sent" if sent else "Live Chat Message Received"
        message = _track(name, {"conversation_id": f"c-{self.name}"})
        message["context"] = {"externalIds": _external({"intercom": contact, **handle})}
        if self.email is not None:
            message["context"]["traits"] = {"email": self.email}
        self._put(at, CHAT, message)

    def social(self, at: int, event: str, instagram: str) -> None:
        """Do something on a social network, known there by a handle only."""
        self._put(at, SOCIAL, {**_track(event, {}), "context": {"externalIds": _external({"instagram": instagram})}})

    def _web(self, at: int, message: Message) -> None:
        ids = {"anonymousId": self.anonymous_id, "userId": self.user_id}
        named = {key: value for key, value in ids.items() if value is not None}
        self._put(at, WEB, {**message, **named, "context": self.context} if self.context else {**message, **named})

    def _shop(self, at: int, event: str, order_id: str, properties: Message) -> None:
        common = {"order_id": order_id, "currency": self.currency, "updated_at": to_iso(at)}
        message = _track(event, {**common, **properties})
        if self.user_id is not None:
            message["userId"] = self.user_id
        if self.email is not None:
            message["properties"]["email"] = self.email
        self._put(at, SHOP, message)

    def _put(self, at: int, source: str, message: Message) -> None:
        number = len(self.samples)
        whole = {**message, "timestamp": to_iso(at), "messageId": f"{self.name}-{number:03d}"}
        self.samples.append(Sample(at, source, whole))


def _track(event: str, properties: Message) -> Message:
    return {"type": "track", "event": event, "properties": properties}


def _external(ids: Mapping[str, str]) -> list[Message]:
    return [{"type": type_, "id": id_, "collection": "users", "encoding": "none"} for type_, id_ in ids.items()]
