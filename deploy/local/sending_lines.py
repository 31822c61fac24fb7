"""The messages of NDJSON files, as `kith send` sends them: one JSON object a line, of Segment's shape."""

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from deploy.local.sending import Batch, Batcher
from schemas.errors import KithError

Fault = Callable[[str, int, str], None]
"""Called with the file, the line, and what is wrong with it."""


def batches_of(files: list[Path], fault: Fault) -> Iterator[Batch[int]]:
    """Yield batches of the messages in `files` (`-` is standard input), each marked with how many came before its end.

    A line that is no JSON object goes to `fault`. A message without an id that also names no time gets a random id
    here, so that one sent twice because its answer was lost counts once; with a time, the collector makes the id from
    the message. Raises `KithError` when a file cannot be read.
    """
    batcher = Batcher[int]()
    count = 0
    for file in files:
        for number, text in _lines(file):
            if not text.strip():
                continue
            try:
                message = json.loads(text)
                if not isinstance(message, dict):
                    raise ValueError("it is no JSON object")
                full = batcher.add(_with_id(message))
            except (ValueError, TypeError, RecursionError) as error:
                fault(str(file), number, str(error))
                continue
            count += 1
            if full:
                yield batcher.take(count)
    if batcher.messages:
        yield batcher.take(count)


def _with_id(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("messageId") or message.get("timestamp") or message.get("originalTimestamp"):
        return message
    return {**message, "messageId": str(uuid4())}


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with _open(file) as content:
            yield from enumerate(content, 1)
    except (OSError, EOFError) as error:
        raise KithError(f"{file} cannot be read: {error}") from error


@contextmanager
def _open(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    with file.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        if start == b"\x1f\x8b":
            with gzip.open(raw) as content:
                yield content  # type: ignore[misc]
        else:
            yield raw
