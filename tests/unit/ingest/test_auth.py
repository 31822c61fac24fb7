"""Which write key a request speaks with, and whose it is."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import Refused
from ingest.auth import check_origin, key_of_body, key_of_header, key_of_query, source_of
from ingest.sources import Sources
from schemas.source import Source


def basic(text: str) -> bytes:
    return b"Basic " + b64encode(text.encode())


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("wk:"), "wk"),
        (basic("wk"), "wk"),
        (basic("wk:secret"), "wk"),
        (basic(" wk :"), "wk"),
        (basic("wk:").rstrip(b"="), "wk"),
        (basic("wk:").lower().replace(b"basic", b"BASIC")[:6] + basic("wk:")[6:], "wk"),
        (b"Bearer wk", "wk"),
        (b"bearer  wk ", "wk"),
        (basic(":"), None),
        (basic(""), None),
        (b"Basic", None),
        (b"Bearer ", None),
        (b"Digest username=wk", None),
        (b"", None),
        (None, None),
    ],
)
def test_authorization(header: bytes | None, key: str | None) -> None:
    assert key_of_header(header) == key


@pytest.mark.parametrize("header", [b"Basic ***", b"Basic \xff", b"Basic wk_1:"])
def test_what_cannot_be_read_is_a_key_that_nobody_has(header: bytes) -> None:
    key = key_of_header(header)
    assert key is not None
    with pytest.raises(Refused) as refused:
        source_of(SOURCES, key)
    assert refused.value.status == 401


@given(st.binary())
def test_any_header_is_read(header: bytes) -> None:
    for scheme in (b"", b"Basic ", b"Bearer "):
        key = key_of_header(scheme + header)
        assert key is None or key


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"writeKey": "wk"}, "wk"),
        ({"writeKey": ""}, None),
        ({"writeKey": None}, None),
        ({}, None),
        ([], None),
        ("x", None),
    ],
)
def test_body(body: Any, key: str | None) -> None:
    assert key_of_body(body) == key


def test_a_key_that_is_no_text_is_nobody_s() -> None:
    for key in (5, True, ["wk"], {"a": 1}):
        with pytest.raises(Refused):
            source_of(SOURCES, key_of_body({"writeKey": key}))


def test_query() -> None:
    assert key_of_query(b"a=1&writeKey=w%6B&b=2") == "wk"
    assert key_of_query(b"writeKey=") is None
    assert key_of_query(b"writekey=wk") is None
    assert key_of_query(b"\xff\xfe") is None


def tracking(name: str, *keys: str, **more: Any) -> Source:
    return Source(kind="tracking", name=name, write_keys=keys, **more)


SOURCES = Sources(
    {
        "web": tracking("web", "wk", "wk_old", origins=["https://shop.example"]),
        "off": tracking("off", "x", disabled=True),
    }
)


def test_whose_key() -> None:
    assert source_of(SOURCES, "wk").name == "web"
    assert source_of(SOURCES, "wk_old").name == "web"
    for key, status, code in (
        (None, 401, "no_write_key"),
        ("nobody", 401, "unknown_write_key"),
        ("WK", 401, "unknown_write_key"),
        ("\ud800", 401, "unknown_write_key"),
        ("x", 404, "source_disabled"),
    ):
        with pytest.raises(Refused) as refused:
            source_of(SOURCES, key)
        assert (refused.value.status, refused.value.code) == (status, code)


def test_origins() -> None:
    web, free = SOURCES.by_name["web"], tracking("free", "y")
    check_origin(web, b"https://shop.example")
    check_origin(web, None)
    check_origin(free, b"https://anywhere.example")
    for origin in (b"https://evil.example", b"http://shop.example", b"null", b"\xff"):
        with pytest.raises(Refused) as refused:
            check_origin(web, origin)
        assert refused.value.status == 403
