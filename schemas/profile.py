"""The public profile and its orders: the contract of `profiles.changelog`, `orders.changelog` and the profile API.

The workers build both as plain dicts (`processors.profile.view`, `processors.profile.orders`); these models document
them, generate their JSON Schemas and check them in tests. Times are ISO 8601 UTC with milliseconds, amounts are
decimal text.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[
    str, Field(pattern=r"^-?\d+\.\d{2,4}$", description="Decimal text, at least two decimals: `120.50`.")
]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code; `XXX` where the shop gave none that could be one.")
]
Instant = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", description="ISO 8601 UTC with milliseconds.")
]
OrderStatus = Literal["placed", "paid", "fulfilled", "delivered", "partially_refunded", "refunded", "cancelled"]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ProfileIdentifier(_Shape):
    """An identifier of the profile. `from` and `to` are there for weak ones: the slice that belongs to this profile."""

    type: str
    value: str
    first_seen: Instant | None = Field(description="First event of this profile that carries it.")
    last_seen: Instant | None = Field(description="Newest event of this profile that carries it.")
    from_: Instant | None = Field(None, alias="from", description="Start of the slice, inclusive; null: unbounded.")
    to: Instant | None = Field(None, description="End of the slice, exclusive; null: unbounded.")


class Consent(_Shape):
    """The newest decision about one purpose. A purpose without one is not granted."""

    granted: bool
    at: Instant = Field(description="When the decision that stands was stated.")


class OpenOrder(_Shape):
    """An order that the shop still has to fulfil."""

    order_id: str
    store: str
    status: OrderStatus
    total: Amount
    currency: Currency
    at: Instant = Field(description="When it was placed.")


class Orders(_Shape):
    """The person's orders. Cancelled ones count nowhere here."""

    count: int = Field(ge=0)
    revenue: dict[Currency, Amount] = Field(description="Totals less refunds, by currency.")
    refunded: dict[Currency, Amount]
    average_value: dict[Currency, Amount] = Field(description="Revenue per order, to the cent.")
    first_at: Instant | None
    last_at: Instant | None
    open: list[OpenOrder] = Field(max_length=100, description="The newest 100 that are not fulfilled yet.")


class CartItem(_Shape):
    """One product in the cart, at the newest price stated."""

    product_id: str
    quantity: int | float
    price: Amount | None
    currency: Currency | None


class Cart(_Shape):
    """What lies in the cart since the last order."""

    items: list[CartItem]
    updated_at: Instant | None


class Activity(_Shape):
    """What the person did: track, page and screen events, in all channels."""

    first_seen: Instant | None = Field(description="First event of any type.")
    last_seen: Instant | None = Field(description="Newest event of any type.")
    events: int = Field(ge=0)
    sessions: int = Field(ge=0, description="Visits; one ends after 30 minutes without activity.")
    page_views: int = Field(ge=0)
    bounces: int = Field(ge=0, description="Sessions of one page view and nothing else.")
    by_channel: dict[str, int]


class Touch(_Shape):
    """What brought the person here. Empty for a person who came without a campaign or referrer."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    referrer: str | None = None
    at: Instant | None = None


class Acquisition(_Shape):
    """The first and the newest touch."""

    first: Touch
    last: Touch


class Interest(_Shape):
    """One category, brand or product, with a score that halves every 30 days up to `as_of`."""

    value: str
    score: float = Field(ge=0)


class Interests(_Shape):
    """The ten highest scores of each kind."""

    categories: list[Interest] = Field(max_length=10)
    brands: list[Interest] = Field(max_length=10)
    products: list[Interest] = Field(max_length=10)


class Membership(_Shape):
    """A segment that the person is in."""

    id: str
    since: Instant


class Profile(_Shape):
    """One person, as the API and `profiles.changelog` show them. Key: `profile_id`."""

    schema_version: Literal[1]
    profile_id: str = Field(description="Seed of the strongest identifier.")
    aliases: list[str] = Field(description="Seeds of the other identifiers: each of them finds this profile.")
    version: int = Field(ge=0, description="Grows with every state that is published.")
    as_of: Instant | None = Field(description="Time of the newest event in it.")
    identifiers: list[ProfileIdentifier] = Field(description="Strongest first; of weak ones the newest 100 intervals.")
    weak_count: int = Field(ge=0, description="How many weak intervals there are in all.")
    traits: dict[str, Any] = Field(description="What `identify` calls said, the last write per key.")
    consent: dict[str, Consent]
    orders: Orders
    cart: Cart
    activity: Activity
    acquisition: Acquisition
    interests: Interests
    segments: list[Membership]


class OrderCustomer(_Shape):
    """The strongest other identifier of the newest event about the order that names one."""

    type: str
    value: str


class OrderItem(_Shape):
    """One line of an order; `price` is that of one piece."""

    product_id: str
    name: str | None
    category: str | None
    quantity: int | float
    price: Amount | None


class OrderStatusChange(_Shape):
    """A status that the order has had, from when on, and the event that said so."""

    status: OrderStatus
    at: Instant
    event_id: str


class Order(_Shape):
    """The newest state of one order. Key: the seed of its `order:<store>` identifier."""

    schema_version: Literal[1]
    seed: str
    order_id: str
    store: str
    status: OrderStatus
    total: Amount = Field(description="What the shop charged; `0.00` as long as nobody said how much.")
    refunded: Amount = Field(description="What was given back so far.")
    currency: Currency
    placed_at: Instant = Field(description="As the shop says, else the first `Order Completed`, else the first event.")
    updated_at: Instant = Field(description="The newest `updated_at` of the shop, else event time.")
    customer: OrderCustomer | None
    items: list[OrderItem]
    history: list[OrderStatusChange] = Field(description="Oldest first, each status at the time it was first reached.")
    version: int = Field(ge=1, description="How many events are in it.")
