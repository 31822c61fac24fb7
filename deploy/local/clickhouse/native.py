"""The format Native for clients that ask for a newer version of the protocol, as clickhouse-go does, and so Grafana.

chDB writes Native as for version 0. From 54454 on (`VERSION`) a block begins with its info, and each column's type is
followed by a byte that says that its serialization is the ordinary one. Both are put in here: what lies between, the
columns' data, is passed on as it is, which takes knowing where it ends. Pure.
"""

import re
import struct
from collections.abc import Callable
from functools import lru_cache

from deploy.local.clickhouse.errors import ClickHouseError

VERSION = 54454  # below it nothing is changed: clickhouse-connect asks for 54405 and sees that it gets version 0
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # no overflow row, bucket -1, the end
_ORDINARY = b"\x00"

_UINT64 = struct.Struct("<Q")
_WIDTHS = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{"BFloat16": 2, "Float32": 4, "Float64": 8, "Bool": 1, "Nothing": 1, "Enum8": 1, "Enum16": 2, "UUID": 16},
    **{"Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "Time": 4, "Time64": 8, "IPv4": 4, "IPv6": 16},
}
_SAME_AS = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
_PARTS = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+")
_ELEMENT_NAME = re.compile(r"\s*(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=[A-Za-z])")

Skip = Callable[[memoryview, int, int], int]  # (data, position, rows) -> position behind


class _Short(Exception):
    """The data ends inside a block."""


class Upgrade:
    """Blocks of version 0 in, in pieces of any size; blocks of the newer version out, each when it is whole."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._enough = 0  # a block that was cut off is looked at again when half as much more has come

    def feed(self, data: bytes) -> bytes:
        """Return the blocks that are whole now. Raises ClickHouseError for a type whose data cannot be measured."""
        self._rest += data
        if len(self._rest) < self._enough:
            return b""
        pieces: list[bytes] = []
        at = 0
        with memoryview(self._rest) as view:
            try:
                while at < len(view):
                    at = _block(view, at, pieces)
            except _Short:
                self._enough = (len(view) - at) * 3 // 2
            else:
                self._enough = 0
        del self._rest[:at]
        return b"".join(pieces)

    def end(self) -> bytes:
        """Return what is left at the end of the data."""
        self._enough = 0
        return self.feed(b"")


def _block(view: memoryview, at: int, pieces: list[bytes]) -> int:
    """Append the block that begins at `at`, if it is whole; return where it ends."""
    start, found = at, [_BLOCK_INFO]
    columns, at = _number(view, at)
    rows, at = _number(view, at)
    for _ in range(columns):
        _, at = _text(view, at)
        type_, at = _text(view, at)
        found += [bytes(view[start:at]), _ORDINARY]
        start = at
        if rows:
            prefix, data = _column(type_.decode())
            at = _within(view, data(view, prefix(view, at, rows), rows))
    pieces += [*found, bytes(view[start:at])]
    return at


def _within(view: memoryview, at: int) -> int:
    if at > len(view):
        raise _Short
    return at


def _number(view: memoryview, at: int) -> tuple[int, int]:
    """Return the variable-length number at `at`, and where it ends."""
    value = shift = 0
    while True:
        if at >= len(view):
            raise _Short
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _uint64(view: memoryview, at: int) -> int:
    _within(view, at + 8)
    value: int = _UINT64.unpack_from(view, at)[0]
    return value


def _text(view: memoryview, at: int) -> tuple[bytes, int]:
    size, at = _number(view, at)
    end = _within(view, at + size)
    return bytes(view[at:end]), end


@lru_cache(maxsize=4096)
def _column(type_: str) -> tuple[Skip, Skip]:
    """Return what passes over the state before a column's data, and over the data of some rows."""
    name, arguments = _read(_SAME_AS.get(type_, type_))
    if name in _WIDTHS or name.startswith("Interval"):
        return _nothing, _fixed(_WIDTHS.get(name, 8))
    if name == "Tuple" and not arguments[0]:
        return _nothing, _fixed(1)
    if name == "FixedString":
        return _nothing, _fixed(int(arguments[0]))
    if name == "Decimal":
        digits = int(arguments[0])
        return _nothing, _fixed(next(size for size, most in ((4, 9), (8, 18), (16, 38), (32, 76)) if digits <= most))
    if name == "String":
        return _nothing, _strings
    if name == "LowCardinality":
        inner, of = _read(arguments[0])
        return (lambda _, at, __: at + 8), _dictionary(_column(of[0] if inner == "Nullable" else arguments[0])[1])
    if name == "SimpleAggregateFunction":
        return _column(arguments[1])
    if name == "Nullable":
        prefix, data = _column(arguments[0])
        return prefix, lambda view, at, rows: data(view, at + rows, rows)
    if name in ("Tuple", "Nested", "Map", "Array"):
        elements = [_column(_ELEMENT_NAME.sub("", each, count=1).strip()) for each in arguments]
        prefix, data = _all([each[0] for each in elements]), _all([each[1] for each in elements])
        return prefix, data if name == "Tuple" else _lists(data)
    raise ClickHouseError(
        48, "NOT_IMPLEMENTED", f"{type_} cannot be sent to clients of this protocol's version: CAST it to String"
    )


def _read(type_: str) -> tuple[str, list[str]]:
    """Return a type's name and its arguments."""
    name, opened, inside = type_.strip().partition("(")
    arguments, depth = [""], 0
    for part in _PARTS.findall(inside.rpartition(")")[0]) if opened else ():
        depth += (part == "(") - (part == ")")
        if part == "," and not depth:
            arguments.append("")
        else:
            arguments[-1] += part
    return name, arguments


def _nothing(_: memoryview, at: int, __: int) -> int:
    return at


def _fixed(size: int) -> Skip:
    return lambda _, at, rows: at + size * rows


def _strings(view: memoryview, at: int, rows: int) -> int:
    for _ in range(rows):
        size, at = _number(view, at)
        at += size
    return at


def _all(parts: list[Skip]) -> Skip:
    def skip(view: memoryview, at: int, rows: int) -> int:
        for part in parts:
            at = part(view, at, rows)
        return at

    return skip


def _lists(data: Skip) -> Skip:
    """Offsets of the rows' ends, then all elements."""

    def skip(view: memoryview, at: int, rows: int) -> int:
        if not rows:
            return at
        at += 8 * rows
        return data(view, at, _uint64(view, at - 8))

    return skip


def _dictionary(keys: Skip) -> Skip:
    """How wide an index is, the keys, the rows' indexes into them."""

    def skip(view: memoryview, at: int, rows: int) -> int:
        if not rows:
            return at
        width = 1 << (_uint64(view, at) & 0xFF)
        at = keys(view, at + 16, _uint64(view, at + 8))
        return at + 8 + width * _uint64(view, at)

    return skip
