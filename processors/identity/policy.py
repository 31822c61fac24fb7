"""The operator's identity policy: who may be joined with whom, and how much one person may hold.

It acts in the identity fold only. Seeds, normal forms and built-in blocked values are the same for everybody, so that a
changed policy never moves an event; it regroups what the events have shown.

The file is YAML; every key is optional and replaces the default of the same name:

    ranks: [[user_id], [shopify, stripe, woocommerce, magento], [loyalty_id], [email], [phone], [intercom, ...]]
    limits: {email: 5, phone: 5}         # identifiers of one type per profile; null: no limit
    blocked: [support@shop.example]      # further values that name nobody, for all types or as type:value
    shared_threshold: 1000               # more stronger neighbours than this, and an identifier joins nothing
    fold_email_providers: false          # j.doe+x@gmail.com and jdoe@gmail.com are one address
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import yaml

from processors.identity.normalise import normalise
from schemas.errors import KithError
from schemas.identifier import PLACE, RANKS, WEAK_FAMILIES

STRONG_RANKS: Final = tuple(row for row in RANKS if not WEAK_FAMILIES.intersection(row))
STRONG: Final = tuple(family for row in STRONG_RANKS for family in row)
_SINGLE: Final = frozenset({"user_id", "shopify", "woocommerce", "magento", "stripe", "loyalty_id"})
LIMITS: Final[Mapping[str, int | None]] = {family: 1 if family in _SINGLE else 5 for family in STRONG}
SHARED_THRESHOLD: Final = 1000
_MOST_TYPES: Final = 10_000  # remembered; accounts come from events, and so may be anything
_Value = TypeVar("_Value")
_KEYS: Final = frozenset({"ranks", "limits", "blocked", "shared_threshold", "fold_email_providers"})


class _ByType(dict[str, _Value]):
    """Something that each family of types has, by full type: `shopify:shop-a` is found under `shopify`."""

    def __missing__(self, type_: str) -> _Value:
        family = type_.partition(":")[0]
        if family == type_:
            raise KeyError(type_)
        if len(self) < _MOST_TYPES:
            self[type_] = self[family]
        return self[family]


class PolicyError(KithError):
    """The policy file is not valid; the message names the place and what would be right there."""


@dataclass(frozen=True)
class Policy:
    """What the identity fold obeys. Two equal policies fold equal evidence to equal identities."""

    ranks: tuple[tuple[str, ...], ...] = STRONG_RANKS
    limits: Mapping[str, int | None] = field(default_factory=lambda: dict(LIMITS))
    blocked: frozenset[str] = frozenset()
    shared_threshold: int = SHARED_THRESHOLD
    fold_email_providers: bool = False

    @classmethod
    def default(cls) -> "Policy":
        """Return the built-in policy."""
        return cls()

    @cached_property
    def rank(self) -> "_ByType[int]":
        """The rank of every type (account included), 0 for the strongest; types of one row have equal rank."""
        ranks = {family: rank for rank, row in enumerate(self.ranks) for family in row}
        # Weak families keep their built-in order, below every strong one.
        return _ByType(ranks | {family: len(self.ranks) + PLACE[family][0] for family in WEAK_FAMILIES})

    @cached_property
    def limit(self) -> "_ByType[int | None]":
        """How many identifiers of a type (account included) one profile may hold; None: any number."""
        return _ByType({family: self.limits.get(family) for family in PLACE})

    def strength_of_type(self, type_: str) -> tuple[int, str]:
        """Return a sort key: the strongest type first."""
        return (self.rank[type_], type_)

    def is_blocked(self, identifier: tuple[str, str]) -> bool:
        """Tell whether the operator has blocked this identifier, by its value or as `type:value`."""
        blocked = self.blocked
        return bool(blocked) and (identifier[1] in blocked or f"{identifier[0]}:{identifier[1]}" in blocked)


def parse_policy(text: str) -> Policy:
    """Return the policy that a YAML text describes. Raises `PolicyError`, which says what to write instead."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyError(f"The identity policy is not valid YAML: {error}") from None
    if document is None:
        return Policy.default()
    if not isinstance(document, dict):
        raise PolicyError("The identity policy must be a mapping with keys such as `limits:` and `ranks:`.")
    for key in document:
        if key not in _KEYS:
            raise PolicyError(f"Unknown key {key!r} in the identity policy: use {', '.join(sorted(_KEYS))}.")
    return Policy(
        ranks=_ranks(document.get("ranks")),
        limits=_limits(document.get("limits")),
        blocked=_blocked(document.get("blocked")),
        shared_threshold=_threshold(document.get("shared_threshold", SHARED_THRESHOLD)),
        fold_email_providers=_switch(document.get("fold_email_providers", False)),
    )


def _ranks(value: Any) -> tuple[tuple[str, ...], ...]:
    if value is None:
        return STRONG_RANKS
    if not isinstance(value, list):
        raise PolicyError(
            "`ranks` must be a list of types, strongest first; types of equal rank stand in an inner list."
        )
    rows = tuple(tuple(row) if isinstance(row, list) else (row,) for row in value)
    named = [family for row in rows for family in row]
    for family in named:
        _strong(family, "ranks")
        if named.count(family) > 1:
            raise PolicyError(f"`ranks` names {family} twice: a type has one rank.")
    if missing := [family for family in STRONG if family not in named]:
        raise PolicyError(f"`ranks` must name every strong type; missing: {', '.join(missing)}.")
    return tuple(row for row in rows if row)


def _limits(value: Any) -> Mapping[str, int | None]:
    if value is None:
        return dict(LIMITS)
    if not isinstance(value, dict):
        raise PolicyError("`limits` must map types to numbers, as in {email: 5}; null means no limit.")
    for family, limit in value.items():
        _strong(family, "limits")
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise PolicyError(
                f"limits.{family} is {limit!r}: write a whole number of at least 1, or null for no limit."
            )
    return {**LIMITS, **value}


def _blocked(value: Any) -> frozenset[str]:
    """Values as they stand and in the normal form of an e-mail, so that `Support@Shop.example` blocks what it means."""
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise PolicyError("`blocked` must be a list of values, as in [support@shop.example, 'phone:+33100000000'].")
    blocked: set[str] = set()
    for entry in value:
        if not isinstance(entry, str) or not entry.strip():
            raise PolicyError(f"blocked holds {entry!r}: write text, in quotes where YAML would read a number.")
        blocked.add(entry.strip())
        if "@" in entry and (address := normalise("email", entry.strip().removeprefix("email:"))):
            blocked.add(address.value if not entry.strip().startswith("email:") else f"email:{address.value}")
    return frozenset(blocked)


def _threshold(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PolicyError(f"shared_threshold is {value!r}: write a whole number of at least 1.")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"fold_email_providers is {value!r}: write true or false.")
    return value


def _strong(family: Any, key: str) -> None:
    if family in WEAK_FAMILIES:
        raise PolicyError(f"`{key}` names {family}, which is weak: it never joins profiles, so it has no {key}.")
    if family not in STRONG:
        raise PolicyError(f"`{key}` names {family!r}, which is no type: use {', '.join(STRONG)} (without account).")
