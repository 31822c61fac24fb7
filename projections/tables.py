"""What an insert into each table looks like: its columns in order, with the types in which their values are sent.

Values are sent in the plainest type that ClickHouse converts without loss (text for LowCardinality, milliseconds for
times), because the conversion is the server's work and not this process's.
"""

from dataclasses import dataclass

UUID_ = "String"
TEXT = "String"
TEXTS = "Array(String)"
UUIDS = "Array(String)"
TIME = "DateTime64(3, 'UTC')"
MAYBE_TIME = "Nullable(DateTime64(3, 'UTC'))"
NUMBER = "UInt64"
AMOUNT = "Decimal(38, 4)"
AMOUNTS = "Array(Decimal(38, 4))"
FLAG = "Bool"
IDENTIFIER = "Tuple(type String, value String)"
IDENTIFIERS = "Array(Tuple(type String, value String))"

# Where a row was read from: the last three columns of every table that a topic is projected into directly.
PLACE = (("topic", TEXT), ("partition", "UInt32"), ("offset", NUMBER))


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the columns of its inserts, as (name, type)."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> list[str]:
        """Return the columns' names, in order."""
        return [name for name, _ in self.columns]

    @property
    def types(self) -> list[str]:
        """Return the columns' types, in order."""
        return [type_ for _, type_ in self.columns]


EVENTS = Table(
    "events",
    (
        ("event_id", UUID_),
        ("source", TEXT),
        ("channel", TEXT),
        ("type", TEXT),
        ("event", TEXT),
        ("message_id", TEXT),
        ("seed", UUID_),
        ("identifiers", IDENTIFIERS),
        ("occurred_at", TIME),
        ("received_at", TIME),
        ("sent_at", MAYBE_TIME),
        ("original_timestamp", MAYBE_TIME),
        ("properties", TEXT),
        ("traits", TEXT),
        ("context", TEXT),
        ("integrations", TEXT),
        ("flags", TEXTS),
        ("raw", TEXT),
        *PLACE,
    ),
)
IDENTITY_SLICES = Table(
    "identity_slices",
    (
        ("seed", UUID_),
        ("valid_from", TIME),
        ("valid_to", TIME),
        ("profile_id", UUID_),
        ("type", TEXT),
        ("value", TEXT),
        ("version", NUMBER),
        ("deleted", FLAG),
        *PLACE,
    ),
)
IDENTITY_CANDIDATES = Table("identity_candidates", (("profile_id", UUID_), ("seed", UUID_)))
PROFILE_STATES = Table(
    "profile_states",
    (
        ("profile_id", UUID_),
        ("version", NUMBER),
        ("raw", TEXT),
        ("identifiers", IDENTIFIERS),
        ("traits", TEXT),
        ("segments", TEXTS),
        ("deleted", FLAG),
        *PLACE,
    ),
)
ORDER_STATES = Table(
    "order_states",
    (
        ("seed", UUID_),
        ("order_id", TEXT),
        ("store", TEXT),
        ("status", TEXT),
        ("total", AMOUNT),
        ("refunded", AMOUNT),
        ("currency", TEXT),
        ("placed_at", MAYBE_TIME),
        ("updated_at", TIME),
        ("items.product_id", TEXTS),
        ("items.name", TEXTS),
        ("items.category", TEXTS),
        ("items.quantity", AMOUNTS),
        ("items.price", AMOUNTS),
        ("history", TEXT),
        ("raw", TEXT),
        ("version", NUMBER),
        ("deleted", FLAG),
        *PLACE,
    ),
)
SEGMENT_CHANGES = Table(
    "segment_changes",
    (
        ("change_id", TEXT),
        ("segment_id", TEXT),
        ("segment_version", NUMBER),
        ("profile_id", UUID_),
        ("change", TEXT),
        ("sequence", NUMBER),
        ("at", TIME),
        ("because", TEXT),
        ("published_at", TIME),
        ("raw", TEXT),
        *PLACE,
    ),
)
MEMBERSHIP_STATES = Table(
    "membership_states",
    (("segment_id", TEXT), ("profile_id", UUID_), ("since", TIME), ("member", FLAG), ("sequence", NUMBER)),
)
DEFINITION_STATES = Table(
    "definition_states",
    (
        ("segment_id", TEXT),
        ("version", NUMBER),
        ("definition", TEXT),
        ("updated_at", TIME),
        ("deleted", FLAG),
        *PLACE,
    ),
)
PROGRESS_STATES = Table(
    "progress_states",
    (("segment_id", TEXT), ("unit", "UInt32"), ("version", NUMBER), ("partitions", "UInt32"), *PLACE),
)
DELIVERY_STATES = Table(
    "delivery_states",
    (
        ("subscription_id", TEXT),
        ("change_partition", "UInt32"),
        ("change_offset", NUMBER),
        ("webhook_id", TEXT),
        ("segment_id", TEXT),
        ("profile_id", UUID_),
        ("sequence", NUMBER),
        ("state", TEXT),
        ("attempts", "UInt32"),
        ("error", TEXT),
        ("at", TIME),
        ("due", MAYBE_TIME),
        ("deleted", FLAG),
        *PLACE,
    ),
)
DECISIONS = Table(
    "decisions",
    (
        ("decision_id", TEXT),
        ("kind", TEXT),
        ("profile_id", UUID_),
        ("other_profile_id", "Nullable(UUID)"),
        ("a", IDENTIFIER),
        ("b", IDENTIFIER),
        ("rule", TEXT),
        ("at", TIME),
        ("event_ids", UUIDS),
        ("message", TEXT),
        ("version", NUMBER),
        ("raw", TEXT),
        *PLACE,
    ),
)
DEAD_LETTER_REPLAYS = Table(
    "dead_letter_replays",
    (
        ("id", TEXT),
        ("at", TIME),
        ("source", TEXT),
        ("outcome", TEXT),
        ("event_ids", UUIDS),
        ("reason", TEXT),
        ("message", TEXT),
        ("corrected", FLAG),
        *PLACE,
    ),
)
DEAD_LETTERS = Table(
    "dead_letters",
    (
        ("id", TEXT),
        ("source", TEXT),
        ("reason", TEXT),
        ("message", TEXT),
        ("at", TIME),
        ("payload", TEXT),
        *PLACE,
    ),
)
