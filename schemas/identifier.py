"""Identifiers, their strength, and the seed: the name under which an identifier is known for ever.

The ranks and the seed here are built in and never change: an operator's policy acts in the identity fold only, so that
the Kafka key of an event does not depend on who configured what.
"""

from collections.abc import Iterable
from hashlib import sha1
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

NAMESPACE = uuid5(NAMESPACE_URL, "urn:kith")
_NAMESPACE_SHA1 = sha1(NAMESPACE.bytes, usedforsecurity=False)
# The two highest bits of this digit are the UUID's variant.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class Identifier(NamedTuple):
    """A normalised `(type, value)`; `type` may carry an account, as in `shopify:shop-a`."""

    type: str
    value: str


# Rows of equal rank, strongest first; a type with an account stands under its family (the text before the colon).
RANKS: tuple[tuple[str, ...], ...] = (
    ("user_id",),
    ("shopify", "woocommerce", "magento", "stripe"),
    ("loyalty_id",),
    ("email",),
    ("phone",),
    ("intercom", "zendesk", "chatwoot", "crisp", "facebook", "instagram", "x", "whatsapp"),
    ("anonymous_id",),
    ("device_id",),
    ("order",),
)
# (rank, place in the row): "ties: types as listed from left to right, then the smaller value".
PLACE: dict[str, tuple[int, int]] = {
    family: (rank, column) for rank, row in enumerate(RANKS) for column, family in enumerate(row)
}
WEAK_FAMILIES = frozenset({"anonymous_id", "device_id", "order"})
# Families that mean nothing without an account: `shopify:<shop>`, `order:<store>`.
SCOPED_FAMILIES = frozenset({"shopify", "woocommerce", "magento", "stripe", "order"})


def family_of(type_: str) -> str:
    """Return the type without its account: `shopify` for `shopify:shop-a`."""
    return type_.partition(":")[0]


def is_weak(type_: str) -> bool:
    """Tell whether identifiers of this type never join two profiles."""
    return type_.partition(":")[0] in WEAK_FAMILIES


def strength(identifier: Identifier) -> tuple[int, int, str, str]:
    """Return a sort key: the strongest identifier first, ties broken by column, then type, then value."""
    rank, column = PLACE[identifier[0].partition(":")[0]]
    return (rank, column, identifier[0], identifier[1])


def strongest(identifiers: Iterable[Identifier]) -> Identifier:
    """Return the identifier whose seed is an event's seed. Raises `ValueError` when there is none."""
    return min(identifiers, key=strength)


def uuid5_text(name: str) -> str:
    """Return `str(uuid5(NAMESPACE, name))`, at a third of the standard library's cost."""
    digest = _NAMESPACE_SHA1.copy()
    digest.update(name.encode())
    text = digest.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def seed_of(identifier: Identifier) -> str:
    """Return the seed of a normalised identifier, a UUID in text form."""
    return uuid5_text(f"{identifier[0]}:{identifier[1]}")


def event_id_of(source: str, message_id: str) -> str:
    """Return the id of the event that `source` sent under `message_id`, a UUID in text form."""
    return uuid5_text(f"{source}:{message_id}")


def parse_key(key: str) -> Identifier:
    """Split `type:value` after the longest known type: `shopify:shop-a:777` is (`shopify:shop-a`, `777`).

    `profile_id:<id>` is let through as an identifier of type `profile_id`. Raises `ValueError`, with a sentence that
    says what would be right, for an unknown type or an empty value.
    """
    family, _, rest = key.partition(":")
    if family in SCOPED_FAMILIES:
        account, _, value = rest.partition(":")
        type_ = f"{family}:{account}"
        if not account:
            raise ValueError(f"{family!r} needs an account: write {family}:<account>:<value>")
    elif family in PLACE or family == "profile_id":
        type_, value = family, rest
        if family in PLACE and PLACE[family] in _MESSENGERS and ":" in rest and _looks_scoped(rest):
            account, _, value = rest.partition(":")
            type_ = f"{family}:{account}"
    else:
        known = ", ".join(sorted(PLACE))
        raise ValueError(f"unknown identifier type {family!r}: write <type>:<value> with one of {known}, profile_id")
    if not value:
        raise ValueError(f"{key!r} has no value: write {type_}:<value>")
    return Identifier(type_, value)


_MESSENGERS = frozenset(PLACE[family] for family in RANKS[5])


def _looks_scoped(rest: str) -> bool:
    account, _, value = rest.partition(":")
    return bool(account and value)


def uuid_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID in text form."""
    return UUID(text).bytes
