"""ClickHouse's own compression framing, as `compress=1` and `decompress=1` ask for.

A block is: CityHash128 of what follows (16 bytes), method (1 byte), size of the header and the packed bytes (4 bytes),
size of the raw bytes (4 bytes), packed bytes. Numbers are little-endian.
"""

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from deploy.local.clickhouse.errors import ClickHouseError

_HEADER = struct.Struct("<BII")
_CHECKSUM = struct.Struct("<QQ")
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
RAW_BYTES = 1 << 20  # the server's max_compress_block_size
_LARGEST = 1 << 30  # the server's DBMS_MAX_COMPRESSED_SIZE


def pack(raw: bytes | memoryview) -> bytes:
    """Return `raw` as blocks of at most `RAW_BYTES`, packed with LZ4."""
    view = memoryview(raw)
    return b"".join(_block(view[at : at + RAW_BYTES]) for at in range(0, len(view), RAW_BYTES))


def _block(raw: memoryview) -> bytes:
    packed: bytes = lz4.block.compress(raw, store_size=False)
    body = _HEADER.pack(_LZ4, len(packed) + _HEADER.size, len(raw)) + packed
    return _CHECKSUM.pack(*_halves(body)) + body


class Unpacker:
    """Blocks in, raw bytes out. Errors have the server's codes (40 checksum, 89 method, 271 damaged)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def decompress(self, data: bytes) -> bytes:
        """Return the raw bytes of the blocks that `data` completes."""
        self._rest += data
        out = []
        while len(self._rest) >= _CHECKSUM.size + _HEADER.size:
            method, packed_size, raw_size = _HEADER.unpack_from(self._rest, _CHECKSUM.size)
            if max(packed_size, raw_size) > _LARGEST or packed_size < _HEADER.size:
                raise ClickHouseError(
                    39, "TOO_LARGE_SIZE_COMPRESSED", "Too large size_compressed. Most likely corrupted data"
                )
            end = _CHECKSUM.size + packed_size
            if len(self._rest) < end:
                break
            out.append(self._unpack(method, bytes(self._rest[_CHECKSUM.size : end]), raw_size))
            del self._rest[:end]
        return b"".join(out)

    def _unpack(self, method: int, body: bytes, raw_size: int) -> bytes:
        if _CHECKSUM.unpack_from(self._rest) != _halves(body):
            raise ClickHouseError(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
        packed = body[_HEADER.size :]
        try:
            if method == _LZ4:
                return bytes(lz4.block.decompress(packed, uncompressed_size=raw_size))
            if method == _ZSTD:
                return zstandard.ZstdDecompressor().decompress(packed, max_output_size=raw_size)
        except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress: {error}") from error
        if method == _NONE:
            return packed
        raise ClickHouseError(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method code {method}")

    def finish(self) -> bytes:
        """Return nothing; raises when the last block is incomplete."""
        if self._rest:
            raise ClickHouseError(
                32, "ATTEMPT_TO_READ_AFTER_EOF", "Attempt to read after eof: the last block is cut off"
            )
        return b""


def _halves(body: bytes) -> tuple[int, int]:
    digest: int = CityHash128(body)
    return digest >> 64, digest & 0xFFFFFFFFFFFFFFFF
