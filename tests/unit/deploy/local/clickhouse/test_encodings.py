"""Compression round trips, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse import blocks
from deploy.local.clickhouse.encodings import PREFERENCE, Decoder, chosen, decoder, encoder
from deploy.local.clickhouse.errors import ClickHouseError

_PIECES = st.lists(st.binary(max_size=2000), max_size=6)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _all(unpacker: Decoder, packed: bytes) -> bytes:
    return unpacker.decompress(packed) + unpacker.finish()


@pytest.mark.parametrize("method", PREFERENCE)
@given(pieces=_PIECES, size=st.integers(1, 5000))
def test_what_is_encoded_decodes(method: str, pieces: list[bytes], size: int) -> None:
    packer, unpacker = encoder(method, 3), decoder(method)
    assert unpacker is not None
    packed = b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])
    raw = b"".join([*(unpacker.decompress(piece) for piece in _cut(packed, size)), unpacker.finish()])
    assert raw == b"".join(pieces)


@pytest.mark.parametrize("method", ["gzip", "zstd", "br", "lz4", "xz", "bz2"])
def test_a_stream_that_breaks_off_is_an_error(method: str) -> None:
    packer, unpacker = encoder(method, 3), decoder(method)
    assert unpacker is not None
    packed = packer.compress(b"some text " * 100) + packer.flush()
    with pytest.raises(ClickHouseError) as error:
        _all(unpacker, packed[:-3])
    assert error.value.code == 271


@given(raw=st.binary(max_size=5000), repeat=st.integers(1, 3), size=st.integers(1, 5000))
def test_blocks_unpack_to_what_was_packed(raw: bytes, repeat: int, size: int) -> None:
    packed = blocks.pack(raw) * repeat
    unpacker = blocks.Unpacker()
    assert b"".join(unpacker.decompress(piece) for piece in _cut(packed, size)) == raw * repeat
    assert unpacker.finish() == b""


@given(raw=st.binary(min_size=1, max_size=500), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(raw: bytes, place: int, bit: int) -> None:
    packed = bytearray(blocks.pack(raw))
    packed[place % len(packed)] ^= 1 << bit
    unpacker = blocks.Unpacker()
    with pytest.raises(ClickHouseError):
        _all(unpacker, bytes(packed))


def test_a_block_as_a_server_writes_it() -> None:
    """Checksum, method, sizes and bytes of `SELECT 1` as clickhouse-client packs it without compression."""
    body = bytes([0x02]) + (9 + 8).to_bytes(4, "little") + (8).to_bytes(4, "little") + b"SELECT 1"
    packed = blocks.pack(b"SELECT 1")
    assert packed[16] == 0x82
    assert int.from_bytes(packed[17:21], "little") == len(packed) - 16
    assert int.from_bytes(packed[21:25], "little") == 8
    with pytest.raises(ClickHouseError) as error:
        blocks.Unpacker().decompress(bytes(16) + body)
    assert error.value.code == 40


@pytest.mark.parametrize(
    ("header", "method"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=0.5, br", "br"),
        ("gzip; q=0", None),
        ("gzip;q=0.0", None),
        ("lz4", "lz4"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("*", None),
        ("", None),
    ],
)
def test_the_method_is_one_that_was_offered(header: str, method: str | None) -> None:
    assert chosen(header) == method


def test_unknown_encodings_are_named() -> None:
    assert decoder("identity") is None
    with pytest.raises(ClickHouseError, match="rot13"):
        decoder("rot13")
