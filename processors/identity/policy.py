"""The operator's identity policy: who may be joined with whom, and how much one person may hold.

It acts in the identity fold only. Seeds, normal forms and built-in blocked values are the same for everybody, so that a
changed policy never moves an event; it regroups what the events have shown. `policy_file` reads the operator's YAML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeVar

from schemas.identifier import PLACE, RANKS, WEAK_FAMILIES

STRONG_RANKS: Final = tuple(row for row in RANKS if not WEAK_FAMILIES.intersection(row))
STRONG: Final = tuple(family for row in STRONG_RANKS for family in row)
_SINGLE: Final = frozenset({"user_id", "shopify", "woocommerce", "magento", "stripe", "loyalty_id"})
LIMITS: Final[Mapping[str, int | None]] = {family: 1 if family in _SINGLE else 5 for family in STRONG}
SHARED_THRESHOLD: Final = 1000
_MOST_TYPES: Final = 10_000  # remembered; accounts come from events, and so may be anything
_Value = TypeVar("_Value")


class _ByType(dict[str, _Value]):
    """Something that each family of types has, by full type: `shopify:shop-a` is found under `shopify`."""

    def __missing__(self, type_: str) -> _Value:
        family = type_.partition(":")[0]
        if family == type_:
            raise KeyError(type_)
        if len(self) < _MOST_TYPES:
            self[type_] = self[family]
        return self[family]


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
