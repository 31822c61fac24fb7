"""Whose address a request has, and what its browser may read."""

from typing import Any

import pytest

from ingest.origin import ALLOWED_HEADERS, Proxies, cors, preflight


def scope(peer: str | None) -> dict[str, Any]:
    return {"client": (peer, 1234) if peer else None}


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ("", "203.0.113.7", None, "203.0.113.7"),
        ("", "203.0.113.7", b"198.51.100.1", "203.0.113.7"),
        ("10.0.0.0/8", "203.0.113.7", b"198.51.100.1", "203.0.113.7"),
        ("10.0.0.0/8", "10.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", b"6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.1", b"10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.0/8", "10.0.0.1", b"junk", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.1", b"198.51.100.1, junk", "10.0.0.1"),
        ("10.0.0.0/8, ::1", "::1", b"2001:db8::1", "2001:db8::1"),
        ("10.0.0.0/8", None, b"198.51.100.1", None),
        ("127.0.0.1", "unix:", b"198.51.100.1", "unix:"),
    ],
)
def test_forwarded_addresses_count_only_from_proxies(
    trusted: str, peer: str | None, forwarded: Any, client: Any
) -> None:
    assert Proxies(trusted).client(scope(peer), forwarded) == client


def test_proxies() -> None:
    assert Proxies("10.0.0.0/8").sent(scope("10.1.2.3"))
    assert not Proxies("10.0.0.0/8").sent(scope("11.1.2.3"))
    assert not Proxies("").sent(scope(None))
    with pytest.raises(ValueError, match="not appear to be"):
        Proxies("nonsense")


def test_cors() -> None:
    assert cors(None) == ()
    assert dict(cors(b"https://a.example"))[b"access-control-allow-origin"] == b"https://a.example"
    answer = dict(preflight(b"https://a.example"))
    assert answer[b"access-control-allow-origin"] == b"https://a.example"
    assert answer[b"access-control-max-age"] == b"900"
    for header in ("authorization", "content-type", "x-retry-count", "anonymousid", "sentat"):
        assert header.encode() in ALLOWED_HEADERS
    assert dict(preflight(None))[b"access-control-allow-origin"] == b"*"
