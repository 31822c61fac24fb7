"""The canonical event: the public contract of `events.*`.

The hot paths keep it as the plain dict that `codec.loads` returns; `CanonicalEvent` documents it, generates the JSON
Schema and checks it where it enters (tests, imports, replays).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

Channel = Literal["web", "order", "chat", "social"]
CHANNELS: tuple[Channel, ...] = ("web", "order", "chat", "social")
EventType = Literal["track", "page", "screen", "identify", "group", "alias"]
EVENT_TYPES: tuple[EventType, ...] = ("track", "page", "screen", "identify", "group", "alias")
# `activity.events` counts these, whatever the channel.
ACTIVITY_TYPES = frozenset({"track", "page", "screen"})

# Segment's e-commerce spec v2 names that carry an order, and its live-chat names: the name decides the channel first.
ORDER_EVENTS = frozenset({"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"})
CHAT_EVENTS = frozenset(
    {
        "Live Chat Conversation Started",
        "Live Chat Message Sent",
        "Live Chat Message Received",
        "Live Chat Conversation Ended",
    }
)


class IdentifierJson(TypedDict):
    """An identifier as JSON carries it."""

    type: str
    value: str


class IdentifierModel(BaseModel):
    """A normalised identifier."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Identifier type, with its account where it has one: `user_id`, `shopify:shop-a`.")
    value: str = Field(description="Normalised value.")


class CanonicalEvent(BaseModel):
    """One accepted event, as every record of `events.*` holds it. Times are ISO 8601 UTC with milliseconds."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1]
    event_id: str = Field(description="`uuid5(NAMESPACE, source + ':' + message_id)`.")
    source: str = Field(description="Name of the source that sent it.")
    channel: Channel
    type: EventType
    event: str | None = Field(description="Name of a track event; the page's or screen's name; null otherwise.")
    message_id: str = Field(description="The sender's message id, at most 100 characters; duplicates share it.")
    seed: str = Field(description="Seed of the strongest identifier; the Kafka key.")
    identifiers: list[IdentifierModel] = Field(description="Normalised identifiers, strongest first.")
    occurred_at: str = Field(description="When it happened, corrected for the sender's clock.")
    received_at: str = Field(description="When the collector received it.")
    sent_at: str | None = None
    original_timestamp: str | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    traits: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    integrations: dict[str, Any] = Field(default_factory=dict)
    flags: list[str] = Field(default_factory=list, description="`bot`, `clamped`: tags, never reasons to drop.")
