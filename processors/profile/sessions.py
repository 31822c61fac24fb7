"""Sessions: how a person's activity falls into visits, exact under any order of events and any grouping of fragments.

A session is a longest run of activity (track, page, screen) in which each event follows the one before within less
than 30 minutes; a bounce is a session of one page view and nothing else.

The section is `[head, past, bounces]`. `head` lists the sessions of the newest period (2^30 ms, 12.4 days) as pairs
of integers `start, 2 * end + bounce`; `past` holds all earlier ones, cut at the period's beginning, in one text of 16
characters each, and `bounces` counts the bounces in it. An event of today therefore touches the head only, whatever
came before, and an old one is put in its place in the text by bisection. Which period is the newest follows from the
events alone, so equal sets of events have equal sections. The size grows with visits, not with events.
"""

from binascii import a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from schemas.times import EARLIEST

Sessions = list[Any]  # [head: list[int], past: str, bounces: int]

GAP: Final = 30 * 60 * 1000
_PERIOD_BITS: Final = 30
_BYTES: Final = 12
_CHARACTERS: Final = 16  # of base64 for 12 bytes
_MASK: Final = (1 << 48) - 1


def first(t: int, is_page: bool) -> Sessions:
    """Return the section after the first activity."""
    return [[t, 2 * t + is_page], "", 0]


def add(sessions: Sessions, t: int, is_page: bool) -> None:
    """Take in one activity event at `t`, in place."""
    head = sessions[0]
    last = head[-1]
    if t >> _PERIOD_BITS == last >> (_PERIOD_BITS + 1):
        end = last >> 1
        if t < end:
            _insert(head, t, 2 * t + is_page)
        elif t - end < GAP:
            head[-1] = 2 * t
        else:
            head.append(t)
            head.append(2 * t + is_page)
    elif t > last >> 1:
        sessions[1], sessions[2] = _retired(sessions)
        sessions[0] = [t, 2 * t + is_page]
    else:
        sessions[1], sessions[2] = _with_past(sessions[1], sessions[2], t, 2 * t + is_page)


def merged(many: Sequence[Sessions]) -> Sessions:
    """Return the sessions of the common timeline. The arguments stay as they are."""
    period = max([sessions[0][-1] for sessions in many]) >> (_PERIOD_BITS + 1)
    heads: list[list[int]] = []
    pasts: list[tuple[str, int]] = []
    for sessions in many:
        if sessions[0][-1] >> (_PERIOD_BITS + 1) != period:
            pasts.append(_retired(sessions))
            continue
        heads.append(sessions[0])
        if sessions[1]:
            pasts.append((sessions[1], sessions[2]))
    if len(heads) == 1:
        head = heads[0]
    else:
        head = _united(sorted([pair for each in heads for pair in zip(each[::2], each[1::2], strict=True)]))
    if not pasts:
        return [head, "", 0]
    past, bounces = pasts[0] if len(pasts) == 1 else _united_past(tuple([text for text, _ in pasts]))
    return [head, past, bounces]


def counts(sessions: Sessions) -> tuple[int, int]:
    """Return the number of sessions and of bounces."""
    head, past, bounces = sessions
    count = len(head) // 2
    bounces += sum(mark & 1 for mark in head[1::2])
    if past:
        count += len(past) // _CHARACTERS
        mark = _record(past, len(past) // _CHARACTERS - 1)[1]
        if head[0] - (mark >> 1) < GAP:
            # One session, cut where the head begins.
            count -= 1
            bounces -= (mark & 1) + (head[1] & 1)
    return count, bounces


def _insert(pairs: list[int], t: int, mark: int) -> None:
    """Put one event among sessions, joining those that it brings together."""
    at = 2 * bisect_right(pairs[::2], t)
    after = at < len(pairs) and pairs[at] - t < GAP
    before = at > 0 and t - (pairs[at - 1] >> 1) < GAP
    if before and after:
        pairs[at - 1 : at + 2] = [pairs[at + 1] & ~1]
    elif before:
        pairs[at - 1] = max(pairs[at - 1] & ~1, 2 * t)
    elif after:
        pairs[at : at + 2] = [t, pairs[at + 1] & ~1]
    else:
        pairs[at:at] = [t, mark]


def _united(pairs: list[tuple[int, int]]) -> list[int]:
    """Return sessions of several timelines, given in order, as one timeline."""
    result: list[int] = []
    ends = EARLIEST - GAP  # when the session before is over for good
    for start, mark in pairs:
        if start < ends:
            result[-1] = max(result[-1], mark) & ~1
        else:
            result += (start, mark)
        ends = (result[-1] >> 1) + GAP
    return result


# The past of a person changes once in a period, while fragments are merged at every event.
@lru_cache(maxsize=128)
def _united_past(texts: tuple[str, ...]) -> tuple[str, int]:
    pairs = _unpacked("".join(texts))
    return _packed(_united(sorted(zip(pairs[::2], pairs[1::2], strict=True))))


def _retired(sessions: Sessions) -> tuple[str, int]:
    """Return the past and its bounces with the head's sessions behind them."""
    head, past, bounces = sessions
    if past:
        start, mark = _record(past, len(past) // _CHARACTERS - 1)
        if head[0] - (mark >> 1) < GAP:
            head = [start, head[1] & ~1, *head[2:]]
            past = past[:-_CHARACTERS]
            bounces -= mark & 1
    text, more = _packed(head)
    return past + text, bounces + more


def _with_past(past: str, bounces: int, t: int, mark: int) -> tuple[str, int]:
    """Return the past and its bounces with one more event, reading no more than the sessions beside it."""
    count = len(past) // _CHARACTERS
    at = bisect_right(range(count), t, key=lambda index: _record(past, index)[0])
    low, high = max(at - 1, 0) * _CHARACTERS, min(at + 1, count) * _CHARACTERS
    pairs = _unpacked(past[low:high])
    bounces -= sum(each & 1 for each in pairs[1::2])
    _insert(pairs, t, mark)
    text, more = _packed(pairs)
    return past[:low] + text + past[high:], bounces + more


def _packed(pairs: list[int]) -> tuple[str, int]:
    """Return sessions as text, and how many of them are bounces. Times count from 1900, so that they have no sign."""
    data = b"".join(
        ((pairs[index] - EARLIEST) << 48 | pairs[index + 1] - 2 * EARLIEST).to_bytes(_BYTES, "big")
        for index in range(0, len(pairs), 2)
    )
    return b2a_base64(data, newline=False).decode(), sum(mark & 1 for mark in pairs[1::2])


def _unpacked(text: str) -> list[int]:
    data = a2b_base64(text)
    pairs: list[int] = []
    for at in range(0, len(data), _BYTES):
        record = int.from_bytes(data[at : at + _BYTES], "big")
        pairs += ((record >> 48) + EARLIEST, (record & _MASK) + 2 * EARLIEST)
    return pairs


def _record(text: str, index: int) -> tuple[int, int]:
    record = int.from_bytes(a2b_base64(text[index * _CHARACTERS : (index + 1) * _CHARACTERS]), "big")
    return (record >> 48) + EARLIEST, (record & _MASK) + 2 * EARLIEST
