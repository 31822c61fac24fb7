"""`docs/metrics.md`, from `schemas.metrics`."""

from deploy.local.documents.page import page, table
from schemas.metrics import METRICS

INTRO = """\
Every process answers `GET /metrics` in Prometheus's text format, on the port that `kith status` shows. Labels never
hold personal data."""


def documents() -> dict[str, str]:
    """Return the page with every metric."""
    rows = [
        [f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels) or "–", metric.help]
        for metric in METRICS
    ]
    return {"metrics.md": page("Metrics", "schemas/metrics.py", INTRO, table(("name", "kind", "labels", "what"), rows))}
