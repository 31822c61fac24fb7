"""A fragment: what the events of one seed (or of one slice of a weak seed) say about whoever owns it.

A fragment is a plain dict of sections, each absent until an event says something about it:

* `seen`: `[first, last]` event of any type, in ms;
* `identifiers`: `{type: {value: [first, last]}}` that the events carry;
* `channels`: activity events (track, page, screen) by channel; `page_views`: pages among them;
* `sessions`, `traits`, `consent`, `touches`, `cart`, `interests`: see the file of that name;
* `orders`: `{store: {order id: summary}}`, only in the fragments that `orders.fragment_of_order` makes.

Any order of the same events gives an equal fragment (equal bytes with sorted keys), and an event costs the same
whatever came before it.
"""

from typing import Any, Final

from processors.profile import acquisition, cart, consent, interests, sessions, traits
from schemas.event import ACTIVITY_TYPES

Fragment = dict[str, Any]

_INTERESTING: Final = interests.WEIGHTS
_CART: Final = cart.EVENTS


def empty() -> Fragment:
    """Return the fragment of no events: the neutral element of `merge`."""
    return {}


def fold(fragment: Fragment, event: dict[str, Any], t: int) -> None:
    """Take one canonical event that happened at `t` into the fragment, in place; each distinct message once.

    `t` lies between `times.EARLIEST` and `times.LATEST`. The event stays as it is, then and later.
    """
    _see(fragment, event["identifiers"], t)
    kind = event["type"]
    context = event["context"]
    if kind in ACTIVITY_TYPES:
        _count(fragment, event["channel"], t, kind == "page")
        if kind == "track":
            name = event["event"]
            if name in _CART:
                held = fragment.get("cart", {})
                cart.add(held, event, t)
                if held:
                    fragment["cart"] = held
            if name in _INTERESTING:
                liked = fragment.get("interests", {})
                interests.add(liked, event, t, _INTERESTING[name])
                if liked:
                    fragment["interests"] = liked
    elif kind == "identify" and event["traits"]:
        _write(fragment, event, t)
    if "consent" in context or (kind == "identify" and "consent" in event["traits"]):
        decisions = fragment.get("consent", {})
        consent.add(decisions, event, t)
        if decisions:
            fragment["consent"] = decisions
    if "page" in context or "campaign" in context or "referrer" in context or kind == "page":
        _touch(fragment, event, t)


def _see(fragment: Fragment, identifiers: list[dict[str, str]], t: int) -> None:
    seen = fragment.get("seen")
    if seen is None:
        fragment["seen"] = [t, t]
        known = fragment["identifiers"] = {}
    else:
        if t > seen[1]:
            seen[1] = t
        elif t < seen[0]:
            seen[0] = t
        known = fragment["identifiers"]
    for identifier in identifiers:
        type_ = identifier["type"]
        values = known.get(type_)
        if values is None:
            if not type_.startswith("order:"):
                known[type_] = {identifier["value"]: [t, t]}
            continue
        span = values.get(identifier["value"])
        if span is None:
            values[identifier["value"]] = [t, t]
        elif t > span[1]:
            span[1] = t
        elif t < span[0]:
            span[0] = t


def _count(fragment: Fragment, channel: str, t: int, is_page: bool) -> None:
    channels = fragment.get("channels")
    if channels is None:
        fragment["channels"] = {channel: 1}
        fragment["sessions"] = sessions.first(t, is_page)
    else:
        channels[channel] = channels.get(channel, 0) + 1
        sessions.add(fragment["sessions"], t, is_page)
    if is_page:
        fragment["page_views"] = fragment.get("page_views", 0) + 1


def _write(fragment: Fragment, event: dict[str, Any], t: int) -> None:
    layer = traits.layer_of(event, t)
    if layer is None:
        return
    if "traits" in fragment:
        traits.add(fragment["traits"], layer)
    else:
        fragment["traits"] = [layer]


def _touch(fragment: Fragment, event: dict[str, Any], t: int) -> None:
    touch = acquisition.touch_of(event, t)
    if touch is None:
        return
    if "touches" in fragment:
        acquisition.add(fragment["touches"], touch)
    else:
        fragment["touches"] = [touch, touch]
