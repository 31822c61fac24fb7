"""Every metric: its name, kind, labels and meaning, in one place; a process makes those it needs with `counter` and so
on.

Names follow Prometheus: base units, `_total` for counters. Labels never hold personal data.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from prometheus_client import Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: what it counts, and by which labels it is told apart."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

METRICS: tuple[Metric, ...] = (
    # Collector.
    Metric("kith_collector_events_total", "counter", "Events handed over to Kafka.", ("source", "channel")),
    Metric("kith_collector_dead_letters_total", "counter", "Messages kept as dead letters.", ("source", "reason")),
    Metric(
        "kith_collector_dead_letters_dropped_total",
        "counter",
        "Dead letters not kept: the source is over its limit. Alert on this.",
        ("source",),
    ),
    Metric("kith_collector_replays_total", "counter", "Dead letters that went in again.", ("source", "outcome")),
    Metric(
        "kith_collector_suppressed_total",
        "counter",
        "Messages left out because they name a suppressed person.",
        ("source",),
    ),
    Metric("kith_collector_refusals_total", "counter", "Requests refused.", ("code",)),
    Metric("kith_collector_acknowledge_seconds", "histogram", "From hand-over to acknowledgement.", (), SECONDS),
    Metric("kith_collector_unacknowledged_bytes", "gauge", "Bytes handed over and not yet acknowledged."),
    Metric("kith_collector_kafka_connected", "gauge", "1 while the producer is connected."),
    Metric("kith_collector_sources", "gauge", "Sources that may send."),
    Metric(
        "kith_collector_sources_errors_total",
        "counter",
        "Times the sources file could not be read; the old ones stand.",
    ),
    Metric("kith_collector_plans", "gauge", "Sources that have a tracking plan."),
    Metric("kith_collector_plans_errors_total", "counter", "Times a tracking plan was wrong; the old ones stand."),
    Metric(
        "kith_collector_plan_violations_total",
        "counter",
        "Events that break their tracking plan.",
        ("source", "outcome"),
    ),
    Metric("kith_collector_plans", "gauge", "Sources that have a tracking plan."),
    Metric("kith_collector_plans_errors_total", "counter", "Times a tracking plan was wrong; the old ones stand."),
    Metric(
        "kith_collector_plan_violations_total",
        "counter",
        "Events that break their tracking plan.",
        ("source", "outcome"),
    ),
    # Worker.
    Metric("kith_worker_records_total", "counter", "Log records folded.", ("unit",)),
    Metric("kith_worker_outcomes_total", "counter", "What the folds did: events, duplicates, changes.", ("outcome",)),
    Metric("kith_worker_batch_seconds", "histogram", "From fold to stored, one batch.", (), SECONDS),
    Metric("kith_worker_units", "gauge", "Units that are open in this process."),
    Metric("kith_worker_waiting", "gauge", "Records read and not yet folded.", ("unit",)),
    Metric("kith_worker_reopened_total", "counter", "Units dropped after an error and opened anew.", ("unit",)),
    # Projector.
    Metric("kith_projector_records_total", "counter", "Records read from the log.", ("topic",)),
    Metric("kith_projector_rows_total", "counter", "Rows inserted into ClickHouse.", ("table",)),
    Metric("kith_projector_duplicates_total", "counter", "Events left out because the archive has them."),
    Metric("kith_projector_dead_letters_total", "counter", "Records that could not be projected.", ("topic",)),
    Metric("kith_projector_insert_seconds", "histogram", "One insert, with its repeats.", (), SECONDS),
    Metric("kith_projector_freshness_seconds", "histogram", "From the log's timestamp to the insert.", (), SECONDS),
    # ClickHouse's local process.
    Metric(
        "kith_clickhouse_query_seconds", "histogram", "One statement, to the end of its answer.", ("kind",), SECONDS
    ),
    Metric("kith_clickhouse_errors_total", "counter", "Statements that failed, by ClickHouse's code.", ("code",)),
    Metric("kith_clickhouse_rows_total", "counter", "Rows read and written.", ("way",)),
    Metric("kith_clickhouse_running", "gauge", "Statements under way."),
    # API.
    Metric("kith_api_requests_total", "counter", "Requests answered.", ("route", "status")),
    Metric("kith_api_webhooks_total", "counter", "Tries of webhooks: delivered, failed, dead.", ("outcome",)),
    Metric("kith_api_webhook_seconds", "histogram", "One try of a webhook.", (), SECONDS),
    Metric("kith_api_webhooks_waiting", "gauge", "Webhooks that failed and are tried again later."),
    Metric(
        "kith_api_segment_pairs_checked_total", "counter", "Pairs of person and segment compared, stream against SQL."
    ),
    Metric("kith_api_segment_pairs_different_total", "counter", "Pairs of these on which the two did not agree."),
    Metric("kith_api_segment_differences", "gauge", "Pairs that differed in the newest sample; 0 is what is promised."),
    Metric("kith_api_request_seconds", "histogram", "From request to answer.", ("route",), SECONDS),
)
_BY_NAME = {metric.name: metric for metric in METRICS}


@cache
def counter(name: str) -> Counter:
    """Return this process's counter of that name."""
    metric = _of_kind(name, "counter")
    return Counter(metric.name, metric.help, metric.labels)


@cache
def gauge(name: str) -> Gauge:
    """Return this process's gauge of that name."""
    metric = _of_kind(name, "gauge")
    return Gauge(metric.name, metric.help, metric.labels)


@cache
def histogram(name: str) -> Histogram:
    """Return this process's histogram of that name."""
    metric = _of_kind(name, "histogram")
    return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets or Histogram.DEFAULT_BUCKETS)


def _of_kind(name: str, kind: Kind) -> Metric:
    metric = _BY_NAME[name]
    if metric.kind != kind:
        raise TypeError(f"{name} is a {metric.kind}")
    return metric
