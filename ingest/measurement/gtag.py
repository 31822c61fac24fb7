"""What Google's tag sends from a page (`/g/collect`): an event in the query, or one a line in the body.

The tag is pointed here with `server_container_url`. Parameters: `tid` (the measurement id, here the write key), `cid`,
`uid`, `en` (the event's name), `dl`, `dr`, `dt` (the page), `cu` (currency), `ep.…` and `epn.…` (parameters), `up.…`
and `upn.…` (the user's properties), `pr1`, `pr2`, … (items), `gcs` (consent).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from ingest.measurement.protocol import event_messages
from ingest.measurement.visitor import Visitor, message_id
from ingest.vendors.delivery import Message
from ingest.vendors.reading import compact

_FIELDS: Final = {"dl": "page_location", "dr": "page_referrer", "dt": "page_title", "cu": "currency"}
_ITEM: Final = {
    "id": "item_id",
    "nm": "item_name",
    "br": "item_brand",
    "ca": "item_category",
    "c2": "item_category2",
    "c3": "item_category3",
    "c4": "item_category4",
    "c5": "item_category5",
    "va": "item_variant",
    "pr": "price",
    "qt": "quantity",
    "cp": "coupon",
    "ds": "discount",
    "lp": "index",
}
_MOST_ITEMS: Final = 200
_ESCAPED: Final = "\x00"


def gtag_messages(query: str, body: str) -> list[Message]:
    """Return the messages of one request, in its order; what is no parameter of the tag's is left out."""
    shared = dict(parse_qsl(query))
    lines = [dict(parse_qsl(line)) for line in body.splitlines() if line.strip()] or [{}]
    messages: list[Message] = []
    for number, line in enumerate(lines):
        hit = {**shared, **line}
        request_id = f"{hit['cid']}:{hit['_p']}:{hit['_s']}:{number}" if {"cid", "_p", "_s"} <= hit.keys() else None
        visitor = _visitor(hit)
        if traits := _group(hit, "up"):
            own = message_id(None, request_id and f"{request_id}:traits", 0)
            messages.append(visitor.message("identify", None, traits, None, own))
        if name := hit.get("en"):
            messages += event_messages(visitor, name, _parameters(hit), None, request_id)
    return messages


def _visitor(hit: Mapping[str, str]) -> Visitor:
    # "G1" and a digit each for advertising and analytics storage.
    state = hit.get("gcs", "")
    consent = {"ad_storage": state[2] == "1", "analytics_storage": state[3] == "1"} if len(state) == 4 else {}
    context = {"consent": {"categoryPreferences": consent} if consent else {}, "locale": hit.get("ul")}
    return Visitor(client_id=hit.get("cid"), user_id=hit.get("uid"), context=compact(context))


def _parameters(hit: Mapping[str, str]) -> dict[str, Any]:
    named = {ours: hit[theirs] for theirs, ours in _FIELDS.items() if hit.get(theirs)}
    items = [_item(hit[key]) for number in range(1, _MOST_ITEMS + 1) if (key := f"pr{number}") in hit]
    return compact({**named, **_group(hit, "ep"), "items": items})


def _group(hit: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Return the parameters of a group: `ep.` are texts, `epn.` numbers; what is no number stays text."""
    found: dict[str, Any] = {}
    for key, value in hit.items():
        group, _, name = key.partition(".")
        if name and group == prefix:
            found[name] = value
        elif name and group == f"{prefix}n":
            found[name] = _number(value)
    return found


def _item(text: str) -> dict[str, Any]:
    return dict(_fields(text))


def _fields(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an item: two letters and a value, `~` between them, `~~` for one that is meant."""
    for part in text.replace("~~", _ESCAPED).split("~"):
        name = _ITEM.get(part[:2])
        if name is not None:
            value = part[2:].replace(_ESCAPED, "~")
            yield name, _number(value) if name in ("price", "quantity", "index", "discount") else value


def _number(text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")):
        return text
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
