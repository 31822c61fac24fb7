"""A stack's data folder as one file, and back: events, states, tables, sources and secrets of the same moment.

Nothing runs while a snapshot is made: Kafka, the workers' state and ClickHouse then agree by themselves. The file is a
tar archive, compressed with zstd, that begins with a manifest; one that was cut off or damaged is refused as a whole.
"""

import io
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard

from deploy.local.folder import DataFolder
from deploy.local.runtime import Lock
from schemas.errors import KithError
from schemas.settings import Settings

FORMAT = 1
_MANIFEST = "kith-snapshot.json"
# What is true only while a stack runs, or is nobody's state.
_LEFT_OUT = ("run", "logs", "rebuild.lock")
_LEVEL = 3

# Told: bytes done, bytes in all.
Show = Callable[[int, int], None]


def write_snapshot(settings: Settings, target: Path, show: Show) -> int:
    """Write the data folder into `target`, readable by its owner only; return how many bytes the folder holds.

    Nothing may run in the folder, and nothing starts there meanwhile. Raises `KithError` when there is nothing to keep,
    when part of the stack is elsewhere, or when the disk is full; `target` then is as it was.
    """
    _check_all_here(settings)
    folder = DataFolder.at(settings.data_dir)
    if not folder.credentials.exists():
        raise KithError(f"{folder.root} holds no stack: set KITH_DATA_DIR to the folder of one.")
    draft = target.with_name(target.name + ".part")
    with _alone(folder):
        paths = list(_files(folder.root))
        total = sum(path.lstat().st_size for path in paths if path.is_file())
        manifest = {"format": FORMAT, "created_at": int(time.time()), "files": len(paths), "bytes": total}
        try:
            with _owners_file(draft) as raw:
                _pack(raw, folder.root, paths, manifest, show)
                raw.flush()
                os.fsync(raw.fileno())
            draft.replace(target)
        except OSError as error:
            raise KithError(f"The snapshot cannot be written to {target}: {error.strerror or error}.") from error
        finally:
            draft.unlink(missing_ok=True)
    return total


def read_snapshot(settings: Settings, source: Path, show: Show) -> dict[str, Any]:
    """Put a snapshot's stack into the data folder, which must hold none; return its manifest.

    All of it or nothing. Raises `KithError` when the file is no whole snapshot or the folder holds a stack already.
    """
    folder = DataFolder.at(settings.data_dir)
    if folder.root.exists() and any(path.name not in _LEFT_OUT for path in folder.root.iterdir()):
        raise KithError(
            f"{folder.root} holds a stack already: set KITH_DATA_DIR to a new folder, or move that one away."
        )
    draft = folder.root.with_name(folder.root.name + ".restoring")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700, parents=True)
        manifest = _unpack(source, draft, show)
        shutil.rmtree(folder.root, ignore_errors=True)
        draft.replace(folder.root)
    except (OSError, EOFError, ValueError, tarfile.TarError, zstandard.ZstdError) as error:
        raise KithError(f"{source} is no whole snapshot, or cannot be read ({error}); nothing was restored.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _check_all_here(settings: Settings) -> None:
    elsewhere = {
        "KITH_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "KITH_CLICKHOUSE_URL": settings.clickhouse_url,
        "KITH_STATE_DIR": settings.state_dir,
    }
    if named := [name for name, value in elsewhere.items() if value is not None]:
        raise KithError(
            f"{' and '.join(named)} says that part of this stack is not in {settings.data_dir}: a snapshot would not "
            "be of one moment. Back those up with their own tools."
        )


@contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    """Keep every stack from starting in the folder. Raises `KithError` when one runs."""
    folder.create()
    lock = Lock(folder.lock)
    try:
        if not lock.acquire(patience_s=2.0):
            raise KithError(f"A stack runs in {folder.root}: stop it with `kith down`.")
        yield
    finally:
        lock.close()


def _files(root: Path) -> Iterator[Path]:
    """Yield everything below `root`, folders before what is in them, always in the same order."""
    for path in sorted(root.iterdir()):
        if path.name in _LEFT_OUT:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from sorted(path.rglob("*"))


@contextmanager
def _owners_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that its owner alone may read: it holds the stack's secrets."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file


def _pack(raw: BinaryIO, root: Path, paths: list[Path], manifest: dict[str, Any], show: Show) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=-1)
    done = 0
    with compressor.stream_writer(raw, closefd=False) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        text = json.dumps(manifest).encode()
        head = tarfile.TarInfo(_MANIFEST)
        head.size = len(text)
        archive.addfile(head, io.BytesIO(text))
        for path in paths:
            archive.add(path, str(path.relative_to(root)), recursive=False)
            done += path.lstat().st_size if path.is_file() else 0
            show(done, manifest["bytes"])


def _unpack(source: Path, draft: Path, show: Show) -> dict[str, Any]:
    done = count = 0
    with (
        source.open("rb") as raw,
        _Unpacked(raw) as unpacked,
        tarfile.open(fileobj=cast(BinaryIO, unpacked), mode="r|") as archive,
    ):
        members = iter(archive)
        first = next(members, None)
        text = archive.extractfile(first) if first and first.name == _MANIFEST else None
        if text is None:
            raise ValueError("it has no manifest")
        manifest: dict[str, Any] = json.loads(text.read())
        if manifest["format"] != FORMAT:
            raise ValueError(f"it has the format {manifest['format']}, this Kith reads {FORMAT}")
        for member in members:
            # Refuses what would land outside of the folder.
            archive.extract(member, draft, filter="data")
            count += 1
            done += member.size
            show(done, manifest["bytes"])
        while unpacked.read(1 << 20):
            # To the end, where the checksum stands.
            pass
    if (count, done) != (manifest["files"], manifest["bytes"]):
        raise ValueError(f"it has {count} of {manifest['files']} files")
    return manifest


class _Unpacked(io.RawIOBase):
    """The raw bytes of one zstd frame; raises `EOFError` when it was cut off, `ZstdError` when it was damaged."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._held = b""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, none at the end."""
        while not self._held and not self._frame.eof:
            piece = self._packed.read(1 << 16)
            if not piece:
                raise EOFError("it was cut off")
            self._held = self._frame.decompress(piece)
        size = len(self._held) if size < 0 else size
        found, self._held = self._held[:size], self._held[size:]
        return found
