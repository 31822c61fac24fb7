"""Native of a newer version comes out the same however its bytes came in, and is never held back for good."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse.native import Upgrade

_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_texts = st.lists(st.text(max_size=200), min_size=1, max_size=20)


def text(value: str) -> bytes:
    raw = value.encode()
    size, head = len(raw), b""
    while size > 0x7F:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + raw


def block(values: list[str], newer: bool) -> bytes:
    """Columns `a String` and `b Array(UInt16)`, whose arrays hold the lengths."""
    mark = b"\x00" if newer else b""
    ends = b"".join(number.to_bytes(8, "little") for number in range(1, len(values) + 1))
    lengths = b"".join(len(value).to_bytes(2, "little") for value in values)
    head = (_INFO if newer else b"") + bytes([2, len(values)])
    strings = text("a") + text("String") + mark + b"".join(map(text, values))
    return head + strings + text("b") + text("Array(UInt16)") + mark + ends + lengths


@given(st.lists(_texts, max_size=5), st.lists(st.integers(1, 4000), max_size=30))
def test_pieces_of_any_size_give_the_same(blocks: list[list[str]], cuts: list[int]) -> None:
    body = b"".join(block(values, newer=False) for values in blocks)
    bounds = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    upgrade, out = Upgrade(), b""
    for start, end in pairwise(bounds):
        out += upgrade.feed(body[start:end])
    assert out + upgrade.end() == b"".join(block(values, newer=True) for values in blocks)


@given(_texts)
def test_a_whole_block_goes_out_at_once(values: list[str]) -> None:
    assert Upgrade().feed(block(values, newer=False)) == block(values, newer=True)
