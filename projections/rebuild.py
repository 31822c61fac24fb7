"""A rebuild: one group of tables made anew from the log, while events keep coming, and then exchanged for the live one.

1. *Fill*: shadows are filled from the log's beginning to its end, as the projector would. How far they are is asked of
   them, as the projector asks; so a rebuild that was stopped goes on where it stood.
2. *Join*: mirrors pass every further insert of the projector on to the shadows. What the log held before the first of
   those is filled in, once the projector is past it.
3. *Swap*: shadows and live tables change places in one step; then the old tables and the mirrors go.

Stopped in 1 the next run goes on from there, in 2 it begins again, in 3 it finishes. What people have asked to be
forgotten is masked throughout; who asks while the shadows are filled makes it begin again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from projections import archive, sink
from projections.archive import Positions
from projections.batch import BATCH_BYTES, Block, Projection, Refused, blocks_of
from projections.garbage import rarely_collected
from projections.groups import Group
from projections.log import Log
from projections.masking import Masking
from projections.owners import Owners
from projections.placement import Placement
from projections.record import Record
from projections.settle import settle
from projections.shadows import Note, Shadows, beyond_of, shadow_of
from projections.tables import EVENTS, IDENTITY_SLICES
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.topics import SPECS

# Told: what is done, how many of how many records.
Show = Callable[[str, int, int], None]
_PATIENCE_S = 120.0
# By how much the clocks of workers and of ClickHouse may differ.
_CLOCKS_MS = 60_000
_LOOK_S = 0.1
_MIRRORED = "SELECT topic, partition, min(offset) FROM {table} WHERE {beyond} GROUP BY topic, partition"


def check_complete(log: Log, groups: Iterable[Group], prefix: str) -> None:
    """Raise `KithError` when the log no longer has the beginning of what is to be rebuilt.

    Compacted topics have the newest record of every key for ever, so they always have enough.
    """
    kept = {prefix + spec.name for spec in SPECS if spec.cleanup == "delete"}
    cut: dict[str, list[str]] = {}
    fine = []
    for group in groups:
        starts = log.starts(log.partitions(topic for topic in group.topics if topic in kept))
        lost = [f"{topic}/{partition} begins at offset {at}" for (topic, partition), at in starts.items() if at > 0]
        if lost:
            cut[group.name] = lost
        else:
            fine.append(group.name)
    if cut:
        told = "; ".join(f"{name}: {', '.join(lost[:4])}" for name, lost in cut.items())
        rest = " ".join(f"--only {name}" for name in fine)
        raise KithError(
            "The log no longer reaches its beginning, so a rebuild would lose what ClickHouse still has "
            f"({told}). Nothing was changed." + (f" What can be rebuilt: kith rebuild {rest}" if rest else "")
        )


class Rebuild:
    """The rebuild of one group. `client` is the driver's, connected to the database."""

    def __init__(
        self, settings: Settings, client: Any, log: Log, group: Group, show: Show, masking: Masking | None = None
    ) -> None:
        self._masking = masking
        self._settings = settings
        self._client = client
        self._log = log
        self._group = group
        self._show = show
        self._placement = Placement.of(settings)
        self._shadows = Shadows(client, group.tables, self._placement)
        self._known = {
            topic: Projection(tuple(map(shadow_of, each.tables)), each.build)
            for topic, each in group.projections.items()
        }
        self._places = log.partitions(group.topics)
        self._waited = 0.0

    def run(self) -> int:
        """Rebuild, or finish what an earlier run left; return how many records were read.

        Raises `KithError` when Kafka or ClickHouse stay away; what was done until then is kept.
        """
        notes = self._shadows.notes()
        if notes and self._shadows.swapped(notes):
            self._finish(notes)
            return 0
        if notes or self._is_overtaken():
            # Stopped while it joined, which takes seconds: which rows came through the mirrors nobody knows any more.
            self._shadows.remove()
        read = 0
        while True:
            masks = self._masks()
            self._shadows.create()
            count, stands = self._fill()
            read += count + self._join(stands)
            if self._masks() == masks:
                break
            # Somebody was erased meanwhile, from the live tables only.
            self._shadows.remove()
        self._finish(self._shadows.notes())
        return read

    def _masks(self) -> int:
        """Return how many masks there are now."""
        if self._masking is None:
            return 0
        self._masking.refresh()
        return len(self._masking.masks)

    def _is_overtaken(self) -> bool:
        """Tell whether somebody was erased after an earlier run began to fill its shadows."""
        if not self._masks() or self._masking is None:
            return False
        created = self._shadows.created()
        return created is not None and self._masking.masks.newest > created - _CLOCKS_MS

    def abandon(self) -> None:
        """Remove what an earlier run left; the live tables stay as they are."""
        notes = self._shadows.notes()
        if notes and self._shadows.swapped(notes):
            self._finish(notes)
        self._shadows.remove()

    def _finish(self, notes: dict[str, Note]) -> None:
        self._shadows.swap(notes)
        if IDENTITY_SLICES in self._group.tables:
            Owners(self._client, self._placement).settle()
        self._shadows.remove()

    def _fill(self) -> tuple[int, Positions]:
        """Fill the shadows to the log's end; return how many records were read, and where that end was."""
        held = archive.positions(self._client, self._known, self._group.topics)
        stands = {place: max(at, held.get(place, 0)) for place, at in self._log.starts(self._places).items()}
        read = 0
        while True:
            ends = self._log.ends(self._places)
            left = sum(ends[place] - stands[place] for place in self._places)
            if left <= 0:
                return read, stands
            read += self._project(stands, ends, "reading the log", {})
            stands = ends
            # What came while reading is read too, until it is so little that the mirrors can take over.
            if left <= self._settings.projector_batch:
                return read, stands

    def _join(self, stands: Positions) -> int:
        """Let the projector's inserts reach the shadows, and fill in what the log held before the first of them."""
        self._shadows.mirror(stands)
        ends = self._await_projector(self._log.ends(self._places))
        return self._project(stands, ends, "joining the projector", self._mirrored(stands))

    def _await_projector(self, ends: Positions) -> Positions:
        """Return up to where no insert can come any more: `ends`, or where the projector stopped if none runs."""
        group = f"{self._settings.topic_prefix}projector"
        while True:
            committed, works = self._log.committed(group)
            behind = sum(max(0, end - committed.get(place, 0)) for place, end in ends.items())
            if not behind:
                return ends
            if not works:
                held = archive.positions(self._client, self._group.projections, self._group.topics)
                return {
                    place: min(end, max(committed.get(place, 0), held.get(place, 0))) for place, end in ends.items()
                }
            self._show("waiting for the projector", 0, behind)
            time.sleep(_LOOK_S)

    def _mirrored(self, stands: Positions) -> Positions:
        """Return where the mirrored rows of each partition begin."""
        found: Positions = {}
        for name in {each.own.name for each in self._known.values()}:
            answer = self._client.query(_MIRRORED.format(table=name, beyond=beyond_of(stands)))
            found |= {(topic, partition): at for topic, partition, at in answer.result_rows}
        return found

    def _project(self, starts: Positions, ends: Positions, step: str, mirrored: Positions) -> int:
        """Insert the rows of these offsets; own tables have those from `mirrored` on already."""
        total = sum(max(0, ends[place] - starts[place]) for place in self._places)
        done = 0
        self._show(step, 0, total)
        with rarely_collected(), ThreadPoolExecutor(1) as writer:
            before: Future[None] | None = None
            for records in self._batches(starts, ends):
                seen = records if self._masking is None else self._masking.seen(records)
                blocks, _ = blocks_of(seen, self._known)
                if before:
                    before.result()
                # While ClickHouse takes these, the next ones are read.
                before = writer.submit(self._insert, [self._unmirrored(block, mirrored) for block in blocks])
                done += len(records)
                self._show(step, done, total)
            if before:
                before.result()
        self._show(step, total, total)
        return done

    def _batches(self, starts: Positions, ends: Positions) -> Iterator[list[Record]]:
        batch: list[Record] = []
        size = 0
        for records in self._log.read(starts, ends):
            batch += records
            size += sum(len(record.value or b"") for record in records)
            if len(batch) >= self._settings.projector_batch or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _unmirrored(self, block: Block, mirrored: Positions) -> Block:
        """Return the block without rows that came through the mirror; derived tables may have rows twice."""
        owned = any(block.table.name == each.own.name for each in self._known.values())
        if not owned or not mirrored:
            return block
        kept = [
            (row, record)
            for row, record in zip(block.rows, block.records, strict=True)
            if record.offset < mirrored.get((record.topic, record.partition), record.offset + 1)
        ]
        return replace(block, rows=[row for row, _ in kept], records=[record for _, record in kept])

    def _insert(self, blocks: list[Block]) -> None:
        for block in blocks:
            if block.rows and block.table.columns is EVENTS.columns:
                self._insert_events(block)
            elif block.rows:
                sink.insert(self._client, block, self._wait, _ignore)

    def _insert_events(self, block: Block) -> None:
        new = archive.new_events(self._client, block)
        if new.rows:
            sink.insert(self._client, new, self._wait, _ignore)
        if len(new.rows) < len(block.rows):
            settled = settle(self._client, block, new, EVENTS.name, self._placement)
            if settled.rows:
                sink.insert(self._client, settled, self._wait, _ignore)

    def _wait(self, seconds: float) -> None:
        self._waited += seconds
        if self._waited > _PATIENCE_S:
            raise KithError(
                "ClickHouse does not take rows: run `kith rebuild` again when it does; it goes on from here."
            )
        time.sleep(seconds)


def _ignore(_: Refused) -> None:
    """Do nothing: the projector has made a dead letter of this record already."""
