"""A file that is sent over HTTP, on disk before anything is read from it: as the body, or as a part of a form."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from ingest.answers import Refused
from ingest.body import Receive
from ingest.imports.files import format_in
from ingest.imports.rows import Format, format_of
from schemas.errors import KithError

# Folders of uploads begin so; what a killed process left behind goes when the next one starts, after this long.
_PREFIX: Final = "kith-import-"
_LEFT_BEHIND_S: Final = 6 * 3600
# A sender that sends nothing for so long is let go.
_IDLE_S: Final = 30.0
_MOST_FIELDS: Final = 10
_MOST_FIELD_BYTES: Final = 64 * 1024
_FORM: Final = "multipart/form-data"
_MEDIA_TYPES: Final[dict[str, Format | None]] = {
    "text/csv": "csv",
    "application/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/gzip": None,
    "application/x-gzip": None,
    "application/octet-stream": None,
    _FORM: None,
}
# Types under which events may come too, which need no file: `ingest.formats` reads those.
_EITHER: Final = frozenset(media_type for media_type, form in _MEDIA_TYPES.items() if form == "ndjson")
_FORMATS: Final[dict[str, Format]] = {
    "csv": "csv",
    "tsv": "tsv",
    "ndjson": "ndjson",
    "jsonl": "ndjson",
    "parquet": "parquet",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and what was said about it; `mapping` is the text of a mapping file, empty where none was sent."""

    path: Path
    format: Format
    mapping: str


def is_file(content_type: str, query: str) -> bool:
    """Tell whether a request to `/v1/import` brings a file of rows, and not a batch of events."""
    media_type = content_type.partition(";")[0].strip().lower()
    asked = any(part.startswith(("format=", "mapping=")) for part in query.split("&"))
    return asked or (media_type in _MEDIA_TYPES and media_type not in _EITHER)


def sweep(now_s: float) -> None:
    """Remove the files of imports whose process was killed."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and now_s - folder.stat().st_mtime > _LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def upload(request: Request, most: int) -> AsyncIterator[Upload]:
    """Give the file of a request, which is gone after the block. Raises `Refused` where there is none, or too much."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    said = dict(request.query_params)
    if request.headers.get("content-encoding", "identity").lower() not in ("identity", "gzip", "x-gzip"):
        raise Refused(400, "unsupported_encoding", "Send the file as it is, or gzipped.")
    receive = _capped(request.receive, most)
    with TemporaryDirectory(prefix=_PREFIX) as folder:
        try:
            if media_type == _FORM:
                name, content = await _form(Request(request.scope, receive), said, Path(folder))
            else:
                name, content = said.get("name", ""), Path(folder) / "rows"
                await _spool(receive, content)
        except TimeoutError:
            raise Refused(408, "body_timeout", f"Nothing came for {_IDLE_S:.0f} s: send it again.") from None
        yield Upload(content, _format(said.get("format", ""), media_type, name, content), said.get("mapping", ""))


def _capped(receive: Receive, most: int) -> Receive:
    """Return `receive` so that it stops a body of more than `most` bytes, and one that stopped coming."""
    size = 0

    async def receiving() -> Any:
        nonlocal size
        async with asyncio.timeout(_IDLE_S):
            message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise Refused(
                413, "request_too_large", f"The file has more than {most} bytes: `kith import` takes any size."
            )
        return message

    return receiving


async def _spool(receive: Receive, path: Path) -> None:
    with path.open("wb") as file:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused(400, "invalid_request", "The file broke off.")
            await asyncio.to_thread(file.write, message.get("body", b""))
            more = message.get("more_body", False)


async def _form(request: Request, said: dict[str, str], folder: Path) -> tuple[str, Path]:
    """Return the name and the place of the form's file; its fields go into `said`."""
    try:
        form = await request.form(max_files=2, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES)
    except (MultiPartException, HTTPException, ClientDisconnect, ValueError, KeyError) as error:
        raise Refused(400, "invalid_request", f"The form cannot be read: {_text(error)}") from error
    found: tuple[str, Path] | None = None
    try:
        for key, part in form.multi_items():
            if not isinstance(part, UploadFile):
                said.setdefault(key, part)
            elif key == "mapping":
                said["mapping"] = (await part.read(_MOST_FIELD_BYTES)).decode("utf-8", "replace")
            elif found is None:
                found = (part.filename or "", folder / "rows")
                with found[1].open("wb") as file:
                    while block := await part.read(1 << 20):
                        await asyncio.to_thread(file.write, block)
    finally:
        await form.close()
    if found is None:
        raise Refused(400, "invalid_request", "The form has no file: send it as the part `file`.")
    return found


def _format(said: str, media_type: str, name: str, path: Path) -> Format:
    if said:
        if (form := _FORMATS.get(said.lower())) is None:
            raise Refused(400, "unsupported_format", f"`format` must be one of {', '.join(_FORMATS)}.")
        return form
    if (form := _MEDIA_TYPES.get(media_type) or format_in(path)) is not None:
        return form
    with suppress(KithError):
        return format_of(Path(name))
    raise Refused(400, "unsupported_format", "Say what the file is: ?format=csv, tsv, ndjson or parquet.")


def _text(error: Exception) -> str:
    return str(getattr(error, "detail", "") or getattr(error, "message", "") or type(error).__name__)
