"""Whom each seed belongs to, as queries see it: the dictionaries of identity, reloaded when identity changed.

What changes is loaded into `identity_unsettled`, with everything that changed before; when that has become much,
`identity_settled` is loaded anew and it begins again. A crash between two steps leaves `identity_unsettled` with more
than it needs, which changes no answer.
"""

from math import isqrt
from typing import Any, Protocol

from projections.placement import Placement
from projections.tables import IDENTITY_SLICES

SETTLED, UNSETTLED = "identity_settled", "identity_unsettled"
_POSITIONS = "SELECT topic, partition, max(offset) + 1 FROM identity_slices GROUP BY topic, partition"
_MARK = "INSERT INTO identity_marks (topic, partition, offset) VALUES"
_COUNTS = (
    "SELECT count(), countIf(offset >= settled) FROM identity_slices "
    "ANY LEFT JOIN (SELECT topic, partition, offset AS settled FROM identity_marks FINAL) AS marks "
    "USING (topic, partition)"
)
# Loading costs so much a slice, of the unsettled at every change and of all when they are settled: changes come some
# thousand at a time under load, and then the two come to the same where the unsettled are 25 times the root of all.
_LEAST, _OF_ROOT = 5_000, 25


class Client(Protocol):
    """What is used of clickhouse-connect's client."""

    def query(self, query: str) -> Any:
        """Run one query; the answer's `result_rows` are its rows."""

    def command(self, cmd: str) -> Any:
        """Run one statement."""


class Owners:
    """The dictionaries of one database. All methods raise the driver's errors; doing it again is harmless."""

    def __init__(self, client: Client, placement: Placement) -> None:
        self._client = client
        self._placement = placement
        self._unsettled: int | None = None
        self._most = _LEAST

    def refresh(self, slices: int = 0) -> None:
        """Let queries see every slice that is in the table; `slices`: how many came since the last call."""
        if self._unsettled is None:
            self._count()
        else:
            self._unsettled += slices
        if self._unsettled is not None and self._unsettled > self._most:
            self.settle()
        else:
            self._reload(UNSETTLED)

    def settle(self) -> None:
        """Load everything anew: also what left the table in another way than by a newer slice."""
        marks = [tuple(row) for row in self._client.query(_POSITIONS).result_rows]
        self._reload(SETTLED)
        if marks:
            # Topics' names have no quotes.
            values = ", ".join(f"('{topic}', {partition}, {offset})" for topic, partition, offset in marks)
            self._client.command(f"{_MARK} {values}")
        self._reload(UNSETTLED)
        self._count()

    def _count(self) -> None:
        [[slices, self._unsettled]] = self._client.query(_COUNTS).result_rows
        self._most = max(_LEAST, _OF_ROOT * isqrt(slices))

    def _reload(self, dictionary: str) -> None:
        on_cluster = self._placement.on_cluster
        if on_cluster:
            # Every node loads from its own replica.
            self._client.command(f"SYSTEM SYNC REPLICA{on_cluster} {IDENTITY_SLICES.name}")
        self._client.command(f"SYSTEM RELOAD DICTIONARY{on_cluster} {dictionary}")
