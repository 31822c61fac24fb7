"""Taking an erased identifier out of other people's events, wherever it stands in them."""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from schemas.identifier import Identifier

# Shorter text is found only where it is the whole value: `7` stands in every price.
_LONG = 6
# What a removed value is replaced by where it stands within other text.
ERASED = "[erased]"


def without(event: dict[str, Any], identifiers: Iterable[Identifier]) -> dict[str, Any]:
    """Return a copy of a canonical event that names none of the identifiers, the event's own first one excepted.

    Removed from `identifiers`; members of open JSON whose value it is become null, and where it stands within longer
    text (the address in a page's URL) `[erased]` replaces it. Letter case and percent-encoding do not matter.
    """
    named = set(identifiers)
    scrubbed = {**event}
    scrubbed["identifiers"] = [each for each in event["identifiers"] if (each["type"], each["value"]) not in named]
    values = sorted({value.casefold() for _, value in named})
    forms = sorted({form for value in values if len(value) >= _LONG for form in (value, quote(value, safe="").lower())})
    for member in ("properties", "traits", "context"):
        scrubbed[member] = _scrubbed(event[member], values, forms)
    name = event.get("event")
    if name:
        scrubbed["event"] = _text(name, values, forms)
    return scrubbed


def mentions(text: str, identifier: Identifier) -> bool:
    """Tell whether text names an identifier: anywhere in it, or for short values as a JSON string of its own."""
    value, text = identifier.value.casefold(), text.casefold()
    if len(value) < _LONG:
        return f'"{value}"' in text
    return value in text or quote(value, safe="").lower() in text


def needles_of(identifier: Identifier) -> Iterator[str]:
    """Yield the texts by which a rejected payload names an identifier; a short id only where it is called an id."""
    type_, value = identifier
    if len(value) >= _LONG:
        yield value
    elif type_ in ("user_id", "anonymous_id"):
        member = {"user_id": "userId", "anonymous_id": "anonymousId"}[type_]
        yield from (f'"{member}":"{value}"', f'"{member}": "{value}"')


def _scrubbed(value: Any, values: list[str], forms: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, values, forms)
    if isinstance(value, dict):
        return {key: _scrubbed(member, values, forms) for key, member in value.items()}
    if isinstance(value, list):
        return [_scrubbed(member, values, forms) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and str(value) in values:
        return None
    return value


def _text(text: str, values: list[str], forms: list[str]) -> str | None:
    folded = text.strip().casefold()
    if folded in values:
        return None
    for form in forms:
        if form in folded:
            text = _replaced(text, form)
            folded = text.casefold()
    return text


def _replaced(text: str, form: str) -> str:
    """Replace every occurrence of `form`, whatever its letter case."""
    folded = text.casefold()
    if len(folded) != len(text):
        # Folding has changed the length (ß): places do not match; the whole text goes.
        return ERASED
    result, at = [], 0
    while (found := folded.find(form, at)) >= 0:
        result += [text[at:found], ERASED]
        at = found + len(form)
    return "".join([*result, text[at:]])
