"""`docs/settings.md`, from `schemas.settings`."""

from typing import Any

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.local.documents.page import page, table
from schemas.settings import Settings

# The first setting of each section.
_SECTIONS = {
    "data_dir": "Everywhere",
    "kafka_bootstrap": "Kafka and the topics",
    "clickhouse_url": "ClickHouse",
    "collector_port": "Collector",
    "worker_port": "Worker",
    "projector_port": "Projector",
    "api_port": "API",
    "log_level": "Logs",
}

INTRO = """\
Every process reads its settings from environment variables, once, when it starts. An empty variable counts as unset.
`kith up` passes them on to the processes that it starts; secrets reach only those that need them."""


def documents() -> dict[str, str]:
    """Return the page with every setting."""
    sections: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for name, field in Settings.model_fields.items():
        if name in _SECTIONS:
            rows = sections.setdefault(_SECTIONS[name], [])
        rows.append([f"`KITH_{name.upper()}`", _default(field), " ".join([field.description or "", *_limits(field)])])
    parts = [f"## {title}\n\n{table(('variable', 'default', 'meaning'), rows)}" for title, rows in sections.items()]
    return {"settings.md": page("Settings", "schemas/settings.py", INTRO, *parts)}


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return (
        "–"
        if default is None or default == ""
        else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    )


def _limits(field: FieldInfo) -> list[str]:
    words = {Ge: "at least", Gt: "more than", Le: "at most"}
    bounds = [
        f"{words[type(limit)]} {getattr(limit, type(limit).__name__.lower())}"
        for limit in field.metadata
        if type(limit) in words
    ]
    return [f"({', '.join(bounds)})"] if bounds else []
