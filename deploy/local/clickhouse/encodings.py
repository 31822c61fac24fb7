"""HTTP content encodings, both ways: the methods that a ClickHouse server knows, as streams of bytes."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
import cramjam
import lz4.frame
import zstandard

from deploy.local.clickhouse.errors import ClickHouseError


class Encoder(Protocol):
    """Compresses a stream: `compress` may hold bytes back, `flush` gives the rest."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready of `data`."""

    def flush(self) -> bytes:
        """Return the end of the stream."""


class Decoder(Protocol):
    """Decompresses a stream."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return the raw bytes that `data` completes."""

    def finish(self) -> bytes:
        """Return the remaining bytes; raises where the stream is cut off."""


# In the server's order of preference.
PREFERENCE = ("zstd", "br", "lz4", "snappy", "gzip", "deflate", "xz", "bz2")


def chosen(accepted: str) -> str | None:
    """Return the method that the server chooses from an Accept-Encoding header, or None for none of them."""
    offers = {
        part.split(";")[0].strip().lower() for part in accepted.split(",") if part.replace(" ", "").find(";q=0") < 0
    }
    return next((method for method in PREFERENCE if method in offers), None)


class _Brotli:
    def __init__(self, level: int) -> None:
        self._inner = brotli.Compressor(quality=min(level, 11))

    def compress(self, data: bytes, /) -> bytes:
        return bytes(self._inner.process(data))

    def flush(self) -> bytes:
        return bytes(self._inner.finish())


class _Lz4:
    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor()
        self._head = bytes(self._inner.begin())

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._inner.compress(data))

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._inner.flush())


class _Snappy:
    """Snappy is one block: nothing comes before the end."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def compress(self, data: bytes, /) -> bytes:
        self._parts.append(data)
        return b""

    def flush(self) -> bytes:
        return bytes(cramjam.snappy.compress_raw(b"".join(self._parts)))


def encoder(method: str, level: int) -> Encoder:
    """Return a compressor for one of `PREFERENCE`; `level` is the setting http_zlib_compression_level."""
    makers: dict[str, Callable[[], Encoder]] = {
        "zstd": lambda: zstandard.ZstdCompressor(level=level).compressobj(),
        "br": lambda: _Brotli(level),
        "lz4": _Lz4,
        "snappy": _Snappy,
        "gzip": lambda: zlib.compressobj(level, zlib.DEFLATED, 31),
        "deflate": lambda: zlib.compressobj(level),
        "xz": lambda: lzma.LZMACompressor(preset=min(level, 9)),
        "bz2": lambda: bz2.BZ2Compressor(max(1, min(level, 9))),
    }
    return makers[method]()


class _Inner(Protocol):
    """What the standard library's and the other packages' decompressors share."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Stream:
    """A decompressor of concatenated streams: gzip members and zstd frames may follow one another."""

    def __init__(self, start: Callable[[], _Inner]) -> None:
        self._start = start
        self._inner = start()
        self._begun = False

    def decompress(self, data: bytes, /) -> bytes:
        out = []
        try:
            while data:
                if self._inner.eof:
                    self._inner = self._start()
                self._begun = True
                out.append(bytes(self._inner.decompress(data)))
                data = self._inner.unused_data if self._inner.eof else b""
        except (zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError, zstandard.ZstdError) as error:
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the request's body: {error}") from error
        return b"".join(out)

    def finish(self) -> bytes:
        if self._begun and not self._inner.eof:
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", "Cannot decompress the request's body: it is cut off")
        return b""


class _BrotliDecoder:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def decompress(self, data: bytes, /) -> bytes:
        try:
            return bytes(self._inner.process(data))
        except brotli.error as error:
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the request's body: {error}") from error

    def finish(self) -> bytes:
        if not self._inner.is_finished():
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", "Cannot decompress the request's body: it is cut off")
        return b""


class _SnappyDecoder:
    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def decompress(self, data: bytes, /) -> bytes:
        self._parts.append(data)
        return b""

    def finish(self) -> bytes:
        try:
            return bytes(cramjam.snappy.decompress_raw(b"".join(self._parts)))
        except cramjam.DecompressionError as error:
            raise ClickHouseError(271, "CANNOT_DECOMPRESS", f"Cannot decompress the request's body: {error}") from error


def decoder(method: str) -> Decoder | None:
    """Return a decompressor for a Content-Encoding header; None where nothing is to be done."""
    name = method.strip().lower()
    inner: dict[str, Callable[[], _Inner]] = {
        "gzip": lambda: zlib.decompressobj(31),
        "x-gzip": lambda: zlib.decompressobj(31),
        "deflate": lambda: zlib.decompressobj(15),
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
        "lz4": lz4.frame.LZ4FrameDecompressor,
        "xz": lzma.LZMADecompressor,
        "bz2": bz2.BZ2Decompressor,
    }
    if name in ("", "identity"):
        return None
    if name in inner:
        return _Stream(inner[name])
    if name == "br":
        return _BrotliDecoder()
    if name == "snappy":
        return _SnappyDecoder()
    raise ClickHouseError(
        48,
        "NOT_IMPLEMENTED",
        f"Unknown compression method '{method}'. Only 'auto', 'none', 'gzip', "
        "'deflate', 'br', 'xz', 'zstd', 'lz4', 'bz2', 'snappy' are supported as compression methods",
    )
