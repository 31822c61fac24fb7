"""A mapping proposed from a file's column names and its first rows.

Pure. What a name does not tell for sure is asked for instead of guessed: an import cannot be taken back. The proposal
is shown to the person whose file it is before the first event is sent.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.imports.fields import Row
from ingest.imports.values import CellError, convert, instant
from schemas.errors import KithError

Document = dict[str, Any]

# Column names, small letters and digits only, and the field that they mean. The first that is there wins.
_WHO: Final[dict[str, tuple[str, ...]]] = {
    "userId": ("userid", "customerid", "customernumber", "customerno", "customer", "memberid", "uid", "user"),
    "anonymousId": ("anonymousid", "visitorid", "cookieid", "cookie", "sessionid", "session"),
    "traits.email": ("email", "emailaddress", "customeremail", "useremail", "mail"),
    "traits.phone": ("phone", "phonenumber", "telephone", "tel", "mobile", "mobilephone"),
    "traits.loyalty_id": ("loyaltyid", "loyaltycard", "loyaltynumber", "membercard"),
}
_WHEN: Final = (
    *("timestamp", "occurredat", "eventtime", "datetime", "time", "orderdate", "orderedat", "purchasedate", "soldat"),
    *("invoicedate", "date", "createdat", "created", "dateadded", "registeredat", "signupdate", "updatedat"),
)
_WHAT: Final = ("event", "eventname", "eventtype", "action", "activity")
_ORDER: Final = (
    *("orderid", "ordernumber", "orderno", "invoiceno", "invoiceid", "invoicenumber"),
    *("transactionid", "receiptno"),
)
_MESSAGE: Final = ("messageid", "eventid")
_PROPERTIES: Final[dict[str, tuple[str, ...]]] = {
    "total": ("total", "ordertotal", "grandtotal", "totalprice", "amount", "revenue", "sum"),
    "currency": ("currency", "currencycode"),
    "product_id": ("productid", "sku", "itemid", "stockcode"),
    "price": ("price", "unitprice"),
    "quantity": ("quantity", "qty"),
    "category": ("category", "productcategory"),
}
_TRAITS: Final[dict[str, tuple[str, ...]]] = {
    "first_name": ("firstname", "givenname"),
    "last_name": ("lastname", "surname", "familyname"),
    "country": ("country", "countrycode"),
    "city": ("city", "town"),
    "birthday": ("birthday", "birthdate", "dateofbirth"),
}
# Patterns of times that no standard fixes; of two that differ in the day's place only one may fit.
_DAYS: Final = ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_TIMES: Final = (
    *("iso", "unix_ms", "unix"),
    *(f"{day}{clock}" for day in _DAYS for clock in ("", " %H:%M", " %H:%M:%S")),
)
_SWAP: Final = str.maketrans("dm", "md")
_UTC: Final = ZoneInfo("UTC")
# Seconds and milliseconds since 1970 in this span are times; other numbers are not.
_SINCE, _UNTIL = 631_152_000, 4_102_444_800
_WRITE = "Write a mapping (docs/importing.md) and name it with --mapping."


def guess(header: Sequence[str], rows: Sequence[Row], otherwise: str | None = None) -> Document:
    """Return a mapping's document for a file with these columns, whose first rows these are.

    `otherwise` is the time of rows that name none, where they only describe people. Raises `KithError`, saying what
    the file does not tell.
    """
    names = {_plain(name): name for name in reversed(list(header))}
    left = dict.fromkeys(header)

    def take(wanted: Iterable[str]) -> str | None:
        found = next((names[each] for each in wanted if each in names and names[each] in left), None)
        if found is not None:
            del left[found]
        return found

    document: Document = {}
    when, what = take(_WHEN), take(_WHAT)
    columns: dict[str, Any] = {}
    for place, wanted in _WHO.items():
        if (column := take(wanted)) is not None:
            columns[column] = place
    if not columns:
        raise KithError(f"No column names a person ({', '.join(header) or 'there are none'}). {_WRITE}")
    order = take(_ORDER)
    bought = any(name in names for wanted in _PROPERTIES.values() for name in wanted)
    if order is not None:
        columns[order] = "properties.order_id"
    message_id = take(_MESSAGE)
    if what is not None:
        document["events"] = {"column": what}
    elif order is not None:
        if (repeated := _repeated(rows, order)) is not None:
            raise KithError(f"{order} {repeated} has several rows: are they lines of one order? {_WRITE}")
        document["constants"] = {"event": "Order Completed"}
        message_id = message_id or order
    elif bought:
        raise KithError(f"No column says what happened (a column `event`, say, or an order's number). {_WRITE}")
    else:
        document["type"] = "identify"
    document["time"] = _time(when, rows, otherwise if document.get("type") == "identify" else None)
    inside = "traits" if document.get("type") == "identify" else "properties"
    for name, wanted in (_TRAITS if inside == "traits" else _PROPERTIES).items():
        if (column := take(wanted)) is not None:
            columns[column] = _typed(f"{inside}.{name}", rows, column)
    for column in left:
        columns[column] = _typed(f"{inside}.{_snake(column)}", rows, column)
    if message_id is not None:
        document["message_id"] = message_id
    document["columns"] = columns
    return document


def _time(column: str | None, rows: Sequence[Row], otherwise: str | None) -> Document:
    if column is None:
        if otherwise is None:
            raise KithError(f"No column says when it happened (a column `timestamp` or `date`, say). {_WRITE}")
        return {"at": otherwise}
    values = [value for row in rows if (value := row.get(column)) not in (None, "")]
    fits = [form for form in _TIMES if values and all(_is_time(value, form) for value in values)]
    if not fits:
        example = repr(values[0])[:60] if values else "nothing"
        raise KithError(f"In what form does {column} say when? It holds {example}. {_WRITE}")
    swapped = fits[0].translate(_SWAP)
    if swapped != fits[0] and swapped in fits:
        raise KithError(f"In {column}, is {values[0]!r} day first or month first? {_WRITE}")
    return {"column": column} if fits[0] == "iso" else {"column": column, "format": fits[0]}


def _is_time(value: Any, form: str) -> bool:
    if form in ("unix", "unix_ms"):
        try:
            seconds = float(value) / (1000 if form == "unix_ms" else 1)
        except (TypeError, ValueError):
            return False
        return _SINCE <= seconds < _UNTIL
    try:
        instant(value, form, _UTC)
    except CellError:
        return False
    # A bare number such as 20260131 is ISO 8601, and more often something else.
    return not str(value).strip().isdigit()


def _typed(place: str, rows: Sequence[Row], column: str) -> Any:
    """Return where a column goes: as a number where all of its cells are written as one and nothing would be lost."""
    values = [value for row in rows if (value := row.get(column)) not in (None, "")]
    if values and all(isinstance(value, str) and _is_number(value) for value in values):
        return {"to": place, "type": "number"}
    return place


def _is_number(text: str) -> bool:
    if not re.fullmatch(r"-?(0|[1-9]\d{0,14})(\.\d+)?", text.strip()):
        return False
    try:
        convert(text, "number")
    except CellError:
        return False
    return True


def _repeated(rows: Sequence[Row], column: str) -> Any:
    seen: set[str] = set()
    for row in rows:
        value = str(row.get(column))
        if value in seen:
            return value
        seen.add(value)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _snake(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^\w]+", "_", parted).strip("_").lower() or "column"


def is_message(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is an event of Segment's shape already, which needs no mapping."""
    return isinstance(row.get("type"), str) and any(
        key in row for key in ("userId", "anonymousId", "properties", "traits", "context")
    )
