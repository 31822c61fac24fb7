"""All generated documents together."""

from pathlib import Path

from deploy.local.documents import (
    asyncapi,
    commands,
    dbt_sources,
    errors,
    json_schemas,
    metrics,
    openapi,
    settings,
    tables,
    topics,
)

DOCS = Path(__file__).parents[3] / "docs"
# Folders in which every file is generated.
OWNED = ("openapi", "schemas")


def everything() -> dict[str, str]:
    """Return the text of every generated document by its path, seen from `docs/`."""
    parts = (settings, commands, metrics, errors, topics, tables, dbt_sources, json_schemas, asyncapi, openapi)
    return {name: text for part in parts for name, text in part.documents().items()}
