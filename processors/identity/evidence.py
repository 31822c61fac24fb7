"""What an event says about who is who: pairs of identifiers seen together, and logins on weak identifiers.

Items are the wire form of `identity.evidence`: short JSON lists, the kind first. `t` is the event's time in
milliseconds since 1970, and `(t, message_id, event_id)` orders evidence.

* `["pair", a_type, a_value, b_type, b_value, t, message_id, event_id]`: two strong identifiers, the stronger first;
* `["login", weak_type, weak_value, type, value, t, message_id, event_id]`: the event's strongest identifier was on this
  weak one;
* `["alias", user_id, previous_id, t, message_id, event_id]`: an alias call, whose `previous_id` is read as a user id
  and as an anonymous id; a reading counts once another event carries that identifier;
* `["spelling", email, t, message_id, event_id]`: an address that a mail provider may know under another spelling;
* `["known", type, value]`: an event carries this identifier (the answer to a `Watch` without a weak identifier);
* `["link", a_type, a_value, b_type, b_value, decision_id, reason, at, operator]`;
* `["split", [[type, value], …], from_type, from_value, decision_id, reason, at, operator]`;
* `["release", type, value, decision_id, reason, at, operator]`;
* `["policy", document, decision_id, reason, at, operator]`: an operator's decision that from now on all of the evidence
  is read under this policy (`policy_file.document_of`). The writer takes it out before it folds the others;
* `["erase", request_id, profile_id, [[type, value], …]]`: forget everything that was said about these identifiers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from processors.identity.normalise import fold_provider, normalise
from schemas.identifier import WEAK_FAMILIES, Identifier
from schemas.times import to_millis

Item = list[Any]
# An event that names more strong identifiers than this is no evidence about one person beyond the strongest of them:
# the pairs of one event stay under 500, whatever a sender puts into `externalIds`.
MOST_IDENTIFIERS: Final = 32
OPERATOR_KINDS: Final = frozenset({"link", "split", "release"})
POLICY: Final = "policy"


class Watch(NamedTuple):
    """A question of the writer to the unit that owns the seed of `identifier`.

    With `weak`: send every login of `identifier` on it, past and future, since others log in there too. Without: say
    (once) whether any event carries `identifier`, as soon as one does.
    """

    identifier: Identifier
    weak: Identifier | None


class Release(NamedTuple):
    """What every unit must learn: evidence that names `identifier` from before the instant `at` (ms) is forgotten.

    Units hold it against what they have sent (`seen.novel`), and send the archived evidence since `at` again.
    """

    identifier: Identifier
    at: int


def pairs_of(event: Mapping[str, Any]) -> tuple[list[Item], list[Item]]:
    """Return the evidence in a canonical event: `(pairs, logins)`, in the order of its identifiers.

    `alias` items stand among the logins and `spelling` items among the pairs. `order:<store>` identifiers are never
    evidence. Depends on the event alone, not on any policy.
    """
    strong: list[Identifier] = []
    weak: list[Identifier] = []
    for entry in event["identifiers"]:
        type_ = entry["type"]
        if type_.partition(":")[0] not in WEAK_FAMILIES:
            strong.append(Identifier(type_, entry["value"]))
        elif not type_.startswith("order:"):
            weak.append(Identifier(type_, entry["value"]))
    if not strong:
        return [], []
    is_alias = event["type"] == "alias"
    address = next((value for type_, value in strong if type_ == "email"), None)
    if len(strong) == 1 and not weak and not is_alias and (address is None or fold_provider(address) == address):
        return [], []
    del strong[MOST_IDENTIFIERS:]
    del weak[MOST_IDENTIFIERS:]
    when = (to_millis(event["occurred_at"]), event["message_id"], event["event_id"])
    pairs: list[Item] = [["pair", *a, *b, *when] for i, a in enumerate(strong) for b in strong[i + 1 :]]
    pairs += [
        ["spelling", value, *when] for type_, value in strong if type_ == "email" and fold_provider(value) != value
    ]
    logins: list[Item] = [["login", *identifier, *strong[0], *when] for identifier in weak]
    if is_alias and (previous := _previous(event, strong[0])) is not None:
        logins.append(["alias", strong[0].value, previous, *when])
    return pairs, logins


def named_by(item: Item) -> list[Identifier]:
    """Return the identifiers that an item of evidence from an event names, an alias call's readings among them."""
    if item[0] == "spelling":
        return [Identifier("email", item[1])]
    if item[0] == "alias":
        return [Identifier("user_id", item[1]), Identifier("user_id", item[2]), Identifier("anonymous_id", item[2])]
    return [Identifier(item[1], item[2]), Identifier(item[3], item[4])]


def _previous(event: Mapping[str, Any], user: Identifier) -> str | None:
    """Return the id that an alias call replaces; None where it names nobody, or the same user again."""
    identifier = normalise("user_id", event["context"].get("previous_id"))
    if user.type != "user_id" or identifier is None or identifier == user:
        return None
    return identifier.value


def link(a: Identifier, b: Identifier, decision_id: str, reason: str, at: int, operator: str) -> Item:
    """Return an operator's decision that two strong identifiers are one person's."""
    return ["link", *a, *b, decision_id, reason, at, operator]


def split(
    identifiers: Sequence[Identifier], from_: Identifier, decision_id: str, reason: str, at: int, operator: str
) -> Item:
    """Return an operator's decision that these strong identifiers are never joined with `from_` until linked."""
    return ["split", [list(identifier) for identifier in identifiers], *from_, decision_id, reason, at, operator]


def release(identifier: Identifier, decision_id: str, reason: str, at: int, operator: str) -> Item:
    """Return an operator's decision that an identifier's evidence before `at` is forgotten."""
    return ["release", *identifier, decision_id, reason, at, operator]


def policy_decision(document: Mapping[str, Any], decision_id: str, reason: str, at: int, operator: str) -> Item:
    """Return an operator's decision that all evidence is read under another policy."""
    return [POLICY, dict(document), decision_id, reason, at, operator]
