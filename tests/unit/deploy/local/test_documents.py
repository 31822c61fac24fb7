"""Generated documents say what the code says; links in the documentation lead somewhere."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deploy.local.documents.everything import DOCS, OWNED, everything
from schemas.metrics import METRICS
from schemas.settings import Settings
from schemas.topics import SPECS

ROOT = DOCS.parent
GENERATED = everything()
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.mark.parametrize("name", GENERATED)
def test_generated_document_is_not_stale(name: str) -> None:
    path = DOCS / name
    assert path.exists(), f"docs/{name} is missing: run `make documents`"
    assert path.read_text(encoding="utf-8") == GENERATED[name], f"docs/{name} is stale: run `make documents`"


def test_nothing_lies_beside_the_generated_documents() -> None:
    found = {str(path.relative_to(DOCS)) for folder in OWNED for path in (DOCS / folder).glob("*")}
    assert found == {name for name in GENERATED if name.partition("/")[0] in OWNED}


def test_every_setting_metric_and_topic_is_documented() -> None:
    for name in Settings.model_fields:
        assert f"`KITH_{name.upper()}`" in GENERATED["settings.md"]
    for metric in METRICS:
        assert f"`{metric.name}`" in GENERATED["metrics.md"]
    for spec in SPECS:
        assert f"`{spec.name}`" in GENERATED["topics.md"]


def test_asyncapi_names_every_public_topic_and_its_schema() -> None:
    document = yaml.safe_load(GENERATED["asyncapi.yaml"])
    channels = {channel["address"]: channel for channel in document["channels"].values()}
    assert channels.keys() == {f"kith.{spec.name}" for spec in SPECS if spec.public}
    for channel in channels.values():
        payload = channel["messages"]["record"]["payload"]["$ref"]
        assert payload.removeprefix("./") in GENERATED


def test_openapi_names_the_paths_that_clients_use() -> None:
    collector = json.loads(GENERATED["openapi/collector.json"])["paths"]
    assert {"/v1/track", "/v1/batch", "/v1/import", "/healthz"} <= collector.keys()
    api = json.loads(GENERATED["openapi/api.json"])["paths"]
    assert {"/v1/profiles/{key}", "/v1/segments", "/v1/query", "/healthz"} <= api.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link, _ in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_the_architecture_names_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    known = ["", "ingest/", "processors/", "processors/identity/", "projections/", "deploy/local/"]
    assert len(named) > 40
    assert not [name for name in named if not any((ROOT / folder / name).exists() for folder in known)]


def test_the_index_leads_to_every_page() -> None:
    links = {link for link, _ in LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))}
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= links
