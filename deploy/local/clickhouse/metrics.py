"""Figures of this process for Prometheus."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from deploy.local.clickhouse.outcome import Outcome

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """Counts statements, their errors by ClickHouse code, their time and the rows they read and wrote."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._seconds = Histogram(
            "kith_clickhouse_query_seconds", "Time of a statement.", ["kind"], buckets=_SECONDS, registry=self._registry
        )
        self._errors = Counter(
            "kith_clickhouse_errors_total",
            "Statements that failed, by ClickHouse's code.",
            ["code"],
            registry=self._registry,
        )
        self._rows = Counter("kith_clickhouse_rows_total", "Rows read and written.", ["way"], registry=self._registry)
        self._running = Gauge("kith_clickhouse_running", "Statements under way.", registry=self._registry)
        self._by_kind = {kind: self._seconds.labels(kind) for kind in ("select", "answer", "insert", "effect", "none")}
        self._read, self._written = self._rows.labels("read"), self._rows.labels("written")

    def observe(self, kind: str, code: int, seconds: float, outcome: Outcome) -> None:
        """Count one statement; code 0 is success."""
        self._by_kind[kind].observe(seconds)
        if code:
            self._errors.labels(str(code)).inc()
        self._read.inc(outcome.read_rows)
        self._written.inc(outcome.written_rows)

    def exposition(self, running: int) -> bytes:
        """Return everything in Prometheus' text format."""
        self._running.set(running)
        return generate_latest(self._registry)
