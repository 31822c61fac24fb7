"""The policy as its operator writes it: YAML in, a `Policy` out, and what is wrong with it in a sentence with its line.

Every key is optional and replaces the default of the same name:

    ranks: [[user_id], [shopify, stripe, woocommerce, magento], [loyalty_id], [email], [phone], [intercom, ...]]
    limits: {email: 5, phone: 5}         # identifiers of one type per profile; null: no limit
    blocked: [support@shop.example]      # further values that name nobody, for all types or as type:value
    shared_threshold: 1000               # more stronger neighbours than this, and an identifier joins nothing
    fold_email_providers: false          # j.doe+x@gmail.com and jdoe@gmail.com are one address
"""

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import yaml

from processors.identity.normalise import normalise
from processors.identity.policy import LIMITS, SHARED_THRESHOLD, STRONG, STRONG_RANKS, Policy
from schemas.errors import KithError
from schemas.identifier import WEAK_FAMILIES

_KEYS: Final = ("ranks", "limits", "blocked", "shared_threshold", "fold_email_providers")
# A policy is one record of the log, and its numbers are JSON's.
_MOST_BLOCKED: Final = 256_000
_MOST: Final = 1_000_000_000
Place = tuple[str | int, ...]  # the keys and list positions that lead to a value of the document


class PolicyError(KithError):
    """The policy is not valid; the message names the place and what would be right there."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place: Place = place


def parse_policy(text: str) -> Policy:
    """Return the policy that a YAML text describes. Raises `PolicyError`: the line, and what to write there instead."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_unique(node)
        return policy_of(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PolicyError(f"{_line(mark)}The identity policy is not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        # A character that YAML does not allow, a thousand brackets, a date such as 2026-02-31.
        wrong = str(error).splitlines()[0]
        raise PolicyError(f"The identity policy is not valid YAML: {wrong}.") from None
    except PolicyError as error:
        raise PolicyError(f"{_line(_mark(node, error.place))}{error}", *error.place) from None


def policy_of(document: Any) -> Policy:
    """Return the policy that a document (the YAML's content) describes. Raises `PolicyError`."""
    if document is None:
        return Policy.default()
    if not isinstance(document, dict):
        raise PolicyError("The identity policy must be a mapping with keys such as `limits:` and `ranks:`.")
    for key in document:
        if key not in _KEYS:
            raise PolicyError(f"Unknown key {key!r} in the identity policy: use {', '.join(sorted(_KEYS))}.", key)
    return Policy(
        ranks=_ranks(document.get("ranks")),
        limits=_limits(document.get("limits")),
        blocked=_blocked(document.get("blocked")),
        shared_threshold=_threshold(document.get("shared_threshold", SHARED_THRESHOLD)),
        fold_email_providers=_switch(document.get("fold_email_providers", False)),
    )


def document_of(policy: Policy) -> dict[str, Any]:
    """Return a document that describes a policy in full: `policy_of` gives it back, equal policies give equal ones."""
    return {
        "ranks": [list(row) for row in policy.ranks],
        "limits": {family: policy.limits.get(family) for family in STRONG},
        "blocked": sorted(policy.blocked),
        "shared_threshold": policy.shared_threshold,
        "fold_email_providers": policy.fold_email_providers,
    }


def changes_of(before: Policy, after: Policy) -> list[str]:
    """Return what `after` says otherwise than `before`, one sentence a change, in a fixed order; none if nothing."""
    found = []
    if before.ranks != after.ranks:
        found.append("ranks: " + " > ".join(" = ".join(row) for row in after.ranks))
    for family in STRONG:
        was, now = before.limits.get(family), after.limits.get(family)
        if was != now:
            found.append(f"limits.{family}: {_limit(was)} becomes {_limit(now)}")
    found += [f"blocked: {value} is blocked" for value in sorted(after.blocked - before.blocked)]
    found += [f"blocked: {value} is blocked no longer" for value in sorted(before.blocked - after.blocked)]
    if before.shared_threshold != after.shared_threshold:
        found.append(f"shared_threshold: {before.shared_threshold} becomes {after.shared_threshold}")
    if before.fold_email_providers != after.fold_email_providers:
        found.append(f"fold_email_providers: switched {'on' if after.fold_email_providers else 'off'}")
    return found


def _limit(limit: int | None) -> str:
    return "no limit" if limit is None else str(limit)


def _ranks(value: Any) -> tuple[tuple[str, ...], ...]:
    if value is None:
        return STRONG_RANKS
    if not isinstance(value, list):
        raise PolicyError(
            "`ranks` must be a list of types, strongest first; types of equal rank stand in an inner list.", "ranks"
        )
    rows = tuple(tuple(row) if isinstance(row, list) else (row,) for row in value)
    named = [family for row in rows for family in row]
    for place, row in enumerate(rows):
        for family in row:
            _check_strong(family, "ranks", place)
            if named.count(family) > 1:
                raise PolicyError(f"`ranks` names {family} twice: a type has one rank.", "ranks", place)
    if missing := [family for family in STRONG if family not in named]:
        raise PolicyError(f"`ranks` must name every strong type; missing: {', '.join(missing)}.", "ranks")
    return tuple(row for row in rows if row)


def _limits(value: Any) -> Mapping[str, int | None]:
    if value is None:
        return dict(LIMITS)
    if not isinstance(value, dict):
        raise PolicyError("`limits` must map types to numbers, as in {email: 5}; null means no limit.", "limits")
    for family, limit in value.items():
        _check_strong(family, "limits", family)
        if limit is not None and not _is_count(limit):
            wrong = f"limits.{family} is {limit!r}: write a whole number of at least 1, or null for no limit."
            raise PolicyError(wrong, "limits", family)
    return {**LIMITS, **value}


def _blocked(value: Any) -> frozenset[str]:
    """Values as they stand and in the normal form of an e-mail, so that `Support@Shop.example` blocks what it means."""
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise PolicyError(
            "`blocked` must be a list of values, as in [support@shop.example, 'phone:+33100000000'].", "blocked"
        )
    blocked: set[str] = set()
    for place, entry in enumerate(value):
        if not isinstance(entry, str) or not entry.strip():
            wrong = f"blocked holds {entry!r}: write text, in quotes where YAML would read a number."
            raise PolicyError(wrong, "blocked", place)
        if not entry.isprintable() and entry.encode(errors="replace") != entry.encode(errors="surrogatepass"):
            raise PolicyError(f"blocked holds {entry!r}: that is no text (half of a surrogate pair).", "blocked", place)
        blocked.add(entry.strip())
        if "@" in entry and (address := normalise("email", entry.strip().removeprefix("email:"))):
            blocked.add(address.value if not entry.strip().startswith("email:") else f"email:{address.value}")
    if sum(map(len, blocked)) > _MOST_BLOCKED:
        wrong = f"`blocked` holds more than {_MOST_BLOCKED:,} characters: name only values that stand for nobody."
        raise PolicyError(wrong, "blocked")
    return frozenset(blocked)


def _threshold(value: Any) -> int:
    if not _is_count(value):
        wrong = f"shared_threshold is {value!r}: write a whole number of at least 1."
        raise PolicyError(wrong, "shared_threshold")
    return value


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"fold_email_providers is {value!r}: write true or false.", "fold_email_providers")
    return value


def _check_strong(family: Any, key: str, place: str | int) -> None:
    if isinstance(family, str) and family in STRONG:
        return
    if isinstance(family, str) and family in WEAK_FAMILIES:
        wrong = f"`{key}` names {family}, which is weak: it never joins profiles, so it has no {key}."
    else:
        wrong = f"`{key}` names {family!r}, which is no type: use {', '.join(STRONG)} (without account)."
    raise PolicyError(wrong, key, place)


def _check_unique(node: yaml.Node | None) -> None:
    """Refuse a key that stands twice: YAML would take the last one and say nothing."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[Any] = set()
    for key, value in node.value:
        if isinstance(key.value, str) and key.value in seen:
            raise PolicyError(f"`{key.value}` stands twice: write it once.", key.value)
        seen.add(key.value if isinstance(key.value, str) else id(key))
        if key.value == "limits":
            try:
                _check_unique(value)
            except PolicyError as error:
                raise PolicyError(str(error), "limits", *error.place) from None


def _mark(node: yaml.Node | None, place: Place) -> yaml.Mark | None:
    """Return where in the text a value stands: the last such, where a key stands twice."""
    found = None if node is None else node.start_mark
    for step in place:
        if isinstance(node, yaml.MappingNode):
            entries = [(key, value) for key, value in node.value if key.value == str(step)]
            if not entries:
                return found
            key, node = entries[-1]
            found = key.start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            found = node.start_mark
    return found


def _line(mark: yaml.Mark | None) -> str:
    return "" if mark is None else f"line {mark.line + 1}: "
