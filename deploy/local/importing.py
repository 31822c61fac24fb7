"""An import: the rows of a file, through its mapping, to the collector, resumable at any point.

The collector's `/v1/import` keeps the times that the rows give. Message ids follow from the rows, so whatever is sent
twice counts once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.local.importing_progress import Faults, Progress, ProgressFile
from deploy.local.sending import Batch, Batcher, Collector, send_batches
from ingest.imports.fields import Message
from ingest.imports.files import Rows, open_rows
from ingest.imports.mapping import Mapping, parse_mapping
from ingest.imports.messages import Messages
from ingest.imports.proposal import propose
from ingest.imports.values import CellError
from schemas.errors import KithError
from schemas.times import to_iso

# The data that Kith ships, and its mappings.
SHIPPED = Path(__file__).with_name("data")
SAVE_EVERY_S = 0.5


class Mark(NamedTuple):
    """Where an import stands once a batch is safe; `position` is bytes of the file, for a progress bar."""

    progress: Progress
    position: int


class Result(NamedTuple):
    """What came of an import; `resumed` are the rows that an earlier, unfinished run had dealt with."""

    progress: Progress
    resumed: int
    faults_path: Path


class Chosen(NamedTuple):
    """A mapping and its text; `guessed` says that nobody wrote it, `examples` are messages that it makes."""

    mapping: Mapping | Messages
    text: str
    guessed: bool = False
    examples: Sequence[Message] = ()


def load_mapping(file: Path, given: Path | None) -> Chosen:
    """Return the mapping of `file`: the one given, else the YAML file of its name beside it or shipped, else a guess.

    Raises `KithError` when it is wrong, or nothing can be guessed.
    """
    name = f"{file.name.partition('.')[0]}.yaml"
    places = [given] if given is not None else [file.with_name(name), SHIPPED / name]
    for path in places:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise KithError(f"{path} cannot be read: {error}") from error
        return Chosen(parse_mapping(text, str(path)), text)
    if given is not None:
        raise KithError(f"There is no {given}.")
    # When people were described: at the latest when the file was written, which does not change with each run.
    proposal = propose(file, otherwise=to_iso(file.stat().st_mtime_ns // 1_000_000))
    return Chosen(proposal.mapping, proposal.text, True, proposal.examples)


class Import:
    """One import of `file` for the source called `source`; its progress and faults lie in `folder`."""

    def __init__(self, file: Path, mapping: Path | None, source: str, folder: Path) -> None:
        self._file = file
        if not file.is_file():
            raise KithError(f"There is no file {file}.")
        self.chosen = load_mapping(file, mapping)
        self._mapping = self.chosen.mapping
        self._kept = ProgressFile(folder, file, self.chosen.text, source)
        self._saved_at = 0.0

    async def run(self, collector: Collector, report: Callable[[Mark], None]) -> Result:
        """Send what is not sent yet, calling `report` whenever a batch is safe.

        Raises `KithError` when it cannot go on; the next run continues where this one stopped.
        """
        start = self._kept.load()
        faults = Faults(self._kept.faults_path, start)
        try:
            with open_rows(self._file, self._mapping.format, self._mapping.encoding, self._mapping.delimiter) as rows:
                self._check_columns(rows.header)
                batches = _Batches(self._mapping, rows, faults, start)

                def done(batch: Batch[Mark]) -> None:
                    self._save(batch.mark.progress, faults)
                    report(batch.mark)

                await send_batches(collector, "/v1/import", batches, done)
                report(Mark(batches.progress, rows.position))
        finally:
            faults.close()
        self._kept.clear()
        return Result(batches.progress, start.sent + start.faults, self._kept.faults_path)

    def _check_columns(self, header: list[str]) -> None:
        """Raise `KithError` when the mapping names columns that a file with a header has not."""
        if header and (absent := [name for name in self._mapping.named_columns() if name not in header]):
            raise KithError(
                f"{self._file.name} has no column {', '.join(map(repr, absent))}, which its mapping names; "
                f"it has {', '.join(header)}."
            )

    def _save(self, progress: Progress, faults: Faults) -> None:
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            faults.flush()
            self._kept.save(progress)
            self._saved_at = time.monotonic()


class _Batches:
    """The batches that are left to send, made while they are asked for."""

    def __init__(self, mapping: Mapping | Messages, rows: Rows, faults: Faults, start: Progress) -> None:
        self._mapping = mapping
        self._rows = rows
        self._faults = faults
        self.progress = start

    def __iter__(self) -> Iterator[Batch[Mark]]:
        batcher = Batcher[Mark]()
        begin = self.progress.line
        line, sent, bad = begin, self.progress.sent, self.progress.faults
        for line, row, fault in self._rows:
            if line <= begin:
                continue
            try:
                if fault is not None:
                    raise CellError(fault)
                full = batcher.add(self._mapping.message(row, line))
                sent += 1
            except CellError as error:
                bad += 1
                self._faults.add(line, str(error), row)
                continue
            if full:
                self.progress = Progress(line, sent, bad, self._faults.bytes)
                yield batcher.take(Mark(self.progress, self._rows.position))
        self.progress = Progress(line, sent, bad, self._faults.bytes)
        if batcher.messages:
            yield batcher.take(Mark(self.progress, self._rows.position))
