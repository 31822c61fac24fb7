"""What a vendor's module is given, and what it has to answer: the one interface of all vendors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

from ingest.canonical import Unfit
from schemas.identifier import uuid5_text
from schemas.source import Source

# A message in Segment's shape, as SDKs send it and `ingest.canonical` reads it.
Message = dict[str, Any]

GET: Final = "GET"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a vendor, as it came.

    `headers` have lower-case names; `body` is what the vendor signed, to the byte; `received` is in milliseconds since
    1970.
    """

    source: Source
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received: int

    def fingerprint(self) -> str:
        """Return a delivery id for a vendor that sends none: the same body of the same source has the same."""
        return uuid5_text(f"{self.source.name}:{sha256(self.body).hexdigest()}")


class Handshake(NamedTuple):
    """An answer that the vendor asks for before or besides any event."""

    status: int
    body: bytes
    media_type: str


class Topic(NamedTuple):
    """What a delivery calls itself, and the id under which the vendor repeats it."""

    name: str
    delivery_id: str


class Unknown(NamedTuple):
    """A part of a delivery that is not understood: `content` is a delivery of its own that holds nothing else."""

    content: Mapping[str, Any]


class Erasure(NamedTuple):
    """A demand that a person be erased, by identifiers as `(type, value)` in the vendor's words."""

    identifiers: tuple[tuple[str, Any], ...]


# What a delivery may say.
Said = Message | Unknown | Unfit | Erasure


class Vendor(Protocol):
    """The four functions of a vendor's module."""

    def verify(self, delivery: Delivery) -> bool:
        """Tell whether the delivery is signed with one of the source's secrets, now and unchanged. Never raises."""
        ...

    def handshake(self, delivery: Delivery) -> Handshake | None:
        """Return the answer to a request that is no delivery (a challenge, a ping), or None for a delivery.

        Asked before `verify`: what it answers tells nothing that the sender does not know, or is proof itself.
        """
        ...

    def topic(self, delivery: Delivery, content: Any) -> Topic:
        """Return the topic and delivery id of a verified delivery, whatever JSON `content` is."""
        ...

    def events(self, topic: str, content: Mapping[str, Any], source: Source) -> Sequence[Said] | None:
        """Return what the delivery says, in the order in which it happened; None for a topic not understood.

        An empty list means: understood, and nothing is said about a person. Never raises for any JSON.
        """
        ...
