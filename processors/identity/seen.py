"""What a seed has already told the writer, so that steady state is silent.

One `Seen` per seed, kept by the unit that owns it: plain JSON (`p` pairs, `l` logins, `a` all logins asked for, `k`
existence asked for; absent where empty), as large as the evidence of that seed without its repetitions. Silence is an
optimisation only: what is not sent could not change the fold's answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.identity.evidence import Item, Watch, named_by
from schemas.identifier import Identifier

Seen = dict[str, Any]
Releases = Mapping[Identifier, int]
NO_RELEASES: Releases = {}
_SEPARATOR = "\x1f"


def novel(seen: Seen, pairs: Sequence[Item], logins: Sequence[Item], releases: Releases = NO_RELEASES) -> list[Item]:
    """Return the items of one event that the writer does not know yet, and remember in `seen` that it will.

    A pair is sent once and again only when earlier, by `(t, message_id, event_id)`. So is a login, unless all logins on
    its weak identifier were asked for (`ask`); then every one is sent. `releases` maps released identifiers to the
    instant (ms) of the release: what was sent of them from before does not count.
    """
    items: list[Item] = []
    if pairs:
        known = seen.setdefault("p", {})
        items += [item for item in pairs if _is_earlier(known, item, releases)]
    if logins:
        known = seen.setdefault("l", {})
        asked = seen.get("a", ())
        for item in logins:
            earlier = _is_earlier(known, item, releases)
            if earlier or (asked and weak_key(item) in asked):
                items.append(item)
    return items


def ask(seen: Seen, watch: Watch, has_events: bool) -> list[Item]:
    """Remember the writer's question and return what can be answered at once.

    With a weak identifier: from now on every login there is sent; those so far are in the archive, for the caller to
    fetch and send. Without: `has_events` tells whether the seed has any event; if not, `arrived` answers when one
    comes.
    """
    if watch.weak is not None:
        asked = seen.setdefault("a", [])
        key = _SEPARATOR.join(watch.weak)
        if key not in asked:
            asked.append(key)
        return []
    if has_events:
        return [["known", *watch.identifier]]
    seen["k"] = list(watch.identifier)
    return []


def arrived(seen: Seen) -> list[Item]:
    """Return the answer owed to the writer now that an event of this seed has come: none, or one `known` item."""
    identifier = seen.pop("k", None)
    return [] if identifier is None else [["known", *identifier]]


def weak_key(item: Item) -> str:
    """Return under which name the weak identifier of a login or alias item may have been asked for."""
    return _SEPARATOR.join(("anonymous_id", item[2]) if item[0] == "alias" else (item[1], item[2]))


def _is_earlier(known: dict[str, list[Any]], item: Item, releases: Releases) -> bool:
    """Tell whether the item is the earliest of its kind between its identifiers so far, and remember it if so."""
    # Eight digits of the event id tell two sources with one message id apart.
    when = [item[-3], item[-2], item[-1][:8]]
    # The kind and the identifiers: everything before the moment.
    key = _SEPARATOR.join(item[:-3])
    earliest = known.get(key)
    if earliest is not None and releases:
        since = max((releases.get(identifier, earliest[0]) for identifier in named_by(item)), default=earliest[0])
        if earliest[0] < since <= when[0]:
            earliest = None
    if earliest is not None and earliest <= when:
        return False
    known[key] = when
    return True
