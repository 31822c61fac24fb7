"""Bodies: read to the end, inflated, never more than allowed, whatever a sender does."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import MutableMapping
from typing import Any

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.answers import Refused
from ingest.body import Disconnected, inflate, read_body
from ingest.budget import Budget, UnavailableError

LIMIT = 10_000
ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "identity": lambda body: body,
    "": lambda body: body,
}


def bare_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize("encoding", ENCODERS)
@given(body=st.binary(max_size=5000))
def test_inflated_bodies_are_what_was_sent(encoding: str, body: bytes) -> None:
    assert inflate(ENCODERS[encoding](body), encoding.upper(), LIMIT) == body


@given(st.binary(min_size=1, max_size=5000))
def test_bare_deflate_and_several_codings_and_members(body: bytes) -> None:
    assert inflate(bare_deflate(body), "deflate", LIMIT) == body
    assert inflate(gzip.compress(brotli.compress(body)), "br, gzip", LIMIT) == body
    assert inflate(gzip.compress(body[:1]) + gzip.compress(body[1:]), "gzip", LIMIT) == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
@pytest.mark.parametrize("size", [LIMIT + 1, 50_000_000])
def test_a_bomb_is_refused_without_being_inflated(encoding: str, size: int) -> None:
    bomb = ENCODERS[encoding](b"a" * size)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="more than") as refused:
            inflate(bomb, encoding, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.status == 400
    assert peak < 1 << 20


def test_just_the_limit_is_allowed() -> None:
    for encoding in ("gzip", "deflate", "br"):
        assert len(inflate(ENCODERS[encoding](b"a" * LIMIT), encoding, LIMIT)) == LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
@given(cut=st.integers(min_value=1, max_value=40), junk=st.binary(min_size=1, max_size=40))
def test_cut_or_broken_streams_are_refused(encoding: str, cut: int, junk: bytes) -> None:
    whole = ENCODERS[encoding](bytes(range(256)) * 4)
    with pytest.raises(Refused):
        inflate(whole[:-cut], encoding, LIMIT)
    with contextlib.suppress(Refused):
        inflate(junk, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["zstd", "compress", "gzip, gzip, gzip", "gzip;q=1"])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(Refused) as refused:
        inflate(b"", encoding, LIMIT)
    assert refused.value.code == "unsupported_encoding"


class Wire:
    """Gives the parts of a body one by one, then `end`."""

    def __init__(self, *parts: bytes, end: str = "http.request") -> None:
        self.messages: list[MutableMapping[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": True} for part in parts
        ]
        if end == "http.request":
            self.messages[-1]["more_body"] = False
        else:
            self.messages.append({"type": end})

    async def __call__(self) -> MutableMapping[str, Any]:
        return self.messages.pop(0)


@pytest.mark.parametrize("parts", [[b""], [b"abc"], [b"a", b"b", b"c"], [b"a" * LIMIT], [b"a" * 5000] * 2])
async def test_parts_are_joined(parts: list[bytes]) -> None:
    budget = Budget(1 << 20)
    assert await read_body(Wire(*parts), LIMIT, budget) == b"".join(parts)
    assert budget.held == 0


@pytest.mark.parametrize("parts", [[b"a" * (LIMIT + 1)], [b"a" * LIMIT, b"b"], [b"a" * 6000] * 3])
async def test_too_much_is_refused(parts: list[bytes]) -> None:
    budget = Budget(1 << 20)
    with pytest.raises(Refused, match="more than"):
        await read_body(Wire(*parts), LIMIT, budget)
    assert budget.held == 0


@pytest.mark.parametrize("parts", [[], [b"a"], [b"a", b"b"]])
async def test_a_sender_that_goes_away(parts: list[bytes]) -> None:
    budget = Budget(1 << 20)
    with pytest.raises(Disconnected):
        await read_body(Wire(*parts, end="http.disconnect"), LIMIT, budget)
    assert budget.held == 0


async def test_what_is_held_is_bounded() -> None:
    budget = Budget(9000)
    budget.take(5000)
    with pytest.raises(UnavailableError):
        await read_body(Wire(b"a" * 3000, b"a" * 3000), LIMIT, budget)
    assert budget.held == 5000
    budget.give(5000)
    assert len(await read_body(Wire(b"a" * 3000, b"a" * 3000), LIMIT, budget)) == 6000
