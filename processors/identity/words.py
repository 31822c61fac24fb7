"""Explanations as a support agent reads them: who has which identifiers, why, and what was kept apart.

Everything here holds personal data: it is for the person who asked, never for a log.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from processors.identity.explain import Explanation, Link, Refusal, link_of, refusal_of
from schemas.event import IdentifierJson
from schemas.records import Decision

_NOUNS: Final = {
    "user_id": "account",
    "loyalty_id": "loyalty card",
    "email": "e-mail",
    "phone": "phone",
    "anonymous_id": "browser",
    "device_id": "device",
}


def named(identifier: IdentifierJson) -> str:
    """Return an identifier as people call it: `account u1`, `shopify:shop-a customer 777`."""
    type_, value = identifier["type"], identifier["value"]
    if noun := _NOUNS.get(type_):
        return f"{noun} {value}"
    return f"{type_} {'customer' if ':' in type_ else 'contact'} {value}"


def link_in_words(link: Link) -> str:
    """Return a link as a sentence."""
    a, b, at = named(link["a"]), named(link["b"]), _moment(link["at"])
    match link["rule"]:
        case "operator":
            return f"{_begin(a)} and {b} were linked by an operator, {at}."
        case "spelling":
            return f"{_begin(a)} and {b} are one mailbox at their provider."
        case "login":
            # Either end may be the weak one: a path runs in both directions.
            place, who = (a, b) if link["a"]["type"] in ("anonymous_id", "device_id") else (b, a)
            return f"{_begin(who)} was in use on {place}, {at}{_events(link['event_ids'])}."
        case _:
            return f"{_begin(a)} and {b} came in one event, {at}{_events(link['event_ids'])}."


def refusal_in_words(refusal: Refusal) -> str:
    """Return as a sentence why two identifiers are not joined, or why one joins nothing."""
    a, at, events = named(refusal["a"]), _moment(refusal["at"]), _events(refusal["event_ids"])
    rule, _, limited = refusal["rule"].partition(":")
    if refusal["b"] is None:
        if rule == "shared":
            return f"{_begin(a)} was seen with too many people to be one person's, so it joins nobody (since {at})."
        return f"{_begin(a)} was released by an operator, {at}: {refusal['message']}. What came before is forgotten."
    b = named(refusal["b"])
    together = f"{_begin(a)} and {b} came in one event, {at}{events}, but"
    if rule == "limit":
        noun = _NOUNS.get(limited, limited)
        return f"{together} one person would then have more than one person may have of: {noun}. They stay apart."
    if rule == "shared":
        return f"{together} one of the two is shared by too many people. That joins nobody."
    if refusal["event_ids"]:
        return f"{together} an operator has split them. They stay apart until somebody links them."
    return f"An operator decided about {a} and {b}, {at}: {refusal['message']}"


def decision_in_words(decision: Decision) -> str:
    """Return a join, a refusal or a shared identifier, as it is published, as a sentence."""
    return link_in_words(link_of(decision)) if decision["kind"] == "join" else refusal_in_words(refusal_of(decision))


def describe_profile(asked: str, profile: Mapping[str, Any], explanation: Explanation) -> list[str]:
    """Return the lines that say what one profile holds and why, and what was kept out of it."""
    lines = [f"{asked} is profile {profile['profile_id']}, which holds:"]
    lines += [f"  {named(each)}{_interval(each)}" for each in profile["identifiers"]]
    if explanation["links"]:
        lines += ["", "They are one person's because:"]
        lines += [f"  {number}. {link_in_words(link)}" for number, link in enumerate(explanation["links"], 1)]
    else:
        lines += ["", "Nothing else was ever seen together with it, and nobody has linked it to anything."]
    if explanation["refusals"]:
        lines += ["", "Kept apart:"]
        lines += [f"  - {refusal_in_words(refusal)}" for refusal in explanation["refusals"]]
    return lines


def describe_path(a: str, b: str, profile_id: str, path: Sequence[Link]) -> list[str]:
    """Return the lines that lead from one identifier of a profile to another, step by step."""
    if not path:
        return [f"{a} and {b} are the same identifier, of profile {profile_id}."]
    lines = [f"{a} and {b} are one person, profile {profile_id}:"]
    return lines + [f"  {number}. {link_in_words(link)}" for number, link in enumerate(path, 1)]


def describe_apart(
    a: str, b: str, profiles: tuple[Mapping[str, Any], Mapping[str, Any]], refusals: Sequence[Refusal]
) -> list[str]:
    """Return the lines that say why two identifiers are two people's.

    `profiles` are those of the two, `refusals` what was refused about either.
    """
    lines = [f"{a} (profile {profiles[0]['profile_id']}) and {b} (profile {profiles[1]['profile_id']}) are two people."]
    held = [{(each["type"], each["value"]) for each in profile["identifiers"]} for profile in profiles]
    between: dict[str, Refusal] = {}
    for refusal in refusals:
        one = (refusal["a"]["type"], refusal["a"]["value"])
        other = None if refusal["b"] is None else (refusal["b"]["type"], refusal["b"]["value"])
        is_between = (one in held[0] and other in held[1]) or (one in held[1] and other in held[0])
        if is_between or other is None:
            between[refusal["decision_id"]] = refusal
    if not between:
        return [*lines, "No event has named anything of the one together with anything of the other."]
    return lines + [f"  - {refusal_in_words(refusal)}" for refusal in between.values()]


def _begin(text: str) -> str:
    return text[0].upper() + text[1:]


def _moment(at: str) -> str:
    return f"{at[:10]} {at[11:19]} UTC"


def _events(event_ids: Sequence[str]) -> str:
    return f" (event {', '.join(event_ids)})" if event_ids else ""


def _interval(identifier: Mapping[str, Any]) -> str:
    start, end = identifier.get("from"), identifier.get("to")
    return (f", from {_moment(start)}" if start else "") + (f", until {_moment(end)}" if end else "")
