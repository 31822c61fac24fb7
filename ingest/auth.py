"""Which source a request belongs to: the write key in the first place that has one.

The order is Basic user name, Bearer, `writeKey` in the body, `writeKey` in the query. The first one present decides: an
unknown key there is refused, whatever else the request carries.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ingest.answers import Refused
from ingest.sources import Sources
from schemas.source import Source


def key_of_header(authorization: bytes | None) -> str | None:
    """Return the write key of an `Authorization` header; None where it holds none.

    Basic is read with and without the colon after the user name. What is Basic or Bearer but unreadable is a key that
    nobody has.
    """
    if not authorization:
        return None
    scheme, _, credentials = authorization.partition(b" ")
    kind = scheme.lower()
    if kind == b"basic":
        try:
            plain = b64decode(credentials.strip() + b"=" * (-len(credentials.strip()) % 4), validate=True)
        except (binascii.Error, ValueError):
            return "\ufffd"
        return plain.partition(b":")[0].decode("utf-8", "replace").strip() or None
    if kind == b"bearer":
        return credentials.decode("utf-8", "replace").strip() or None
    return None


def key_of_body(body: Any) -> str | None:
    """Return the `writeKey` of a JSON body; one that is no text is a key that nobody has."""
    key = body.get("writeKey") if isinstance(body, Mapping) else None
    if key is None or key == "":
        return None
    return key.strip() or None if isinstance(key, str) else "\ufffd"


def key_of_query(query: bytes) -> str | None:
    """Return the `writeKey` parameter of a query string."""
    if b"writeKey" not in query:
        return None
    return parse_qs(query.decode("ascii", "replace")).get("writeKey", [""])[0].strip() or None


def source_of(sources: Sources, key: str | None) -> Source:
    """Return the source of a write key. Raises `Refused`: 401 without a known key, 404 for a source switched off."""
    if key is None:
        raise Refused(401, "no_write_key", "No write key: send it as the user name of Basic authentication.")
    source = sources.by_key(key)
    if source is None:
        raise Refused(401, "unknown_write_key", "Nobody has this write key: copy it from the source's settings.")
    if source.disabled:
        raise Refused(404, "source_disabled", "This source is switched off.")
    return source


def check_origin(source: Source, origin: bytes | None) -> None:
    """Raise `Refused` when a browser sends from an origin that the source does not list; an empty list takes all."""
    if source.origins and origin is not None and origin.decode("latin-1") not in source.origins:
        raise Refused(403, "origin_not_allowed", "This source takes no events from this origin: add it to `origins`.")
