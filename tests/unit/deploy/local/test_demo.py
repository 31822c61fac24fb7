"""The demo around its sending: sources, base time, ports, and a summary that shows what it was given."""

import io
import os
import socket
import stat
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from deploy.local.demo import avoid_taken_ports, base_time
from deploy.local.demo_findings import Findings
from deploy.local.demo_report import report
from deploy.local.demo_sources import NAMES, add_sources
from deploy.local.folder import DataFolder
from schemas.errors import KithError
from schemas.settings import Settings
from schemas.source import parse_sources


def test_sources_are_added_once_with_keys_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    add_sources(path)
    text = path.read_text()
    found = parse_sources(text)
    assert set(found) == set(NAMES)
    assert len({source.write_keys for source in found.values()}) == len(NAMES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add_sources(path)
    assert path.read_text() == text


def test_sources_that_are_there_stay(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("# Mine.\nsources:\n  web: {kind: tracking, write_keys: ['${MY_KEY}']}\n")
    os.environ["MY_KEY"] = "wk_mine"
    try:
        add_sources(path)
    finally:
        del os.environ["MY_KEY"]
    text = path.read_text()
    assert text.startswith("# Mine.\n")
    sources = yaml.safe_load(text)["sources"]
    assert sources["web"] == {"kind": "tracking", "write_keys": ["${MY_KEY}"]}
    assert sources.keys() == {"web", *NAMES}


def test_a_wrong_sources_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources: [1]\n")
    with pytest.raises(KithError, match="sources"):
        add_sources(path)
    assert path.read_text() == "sources: [1]\n"


def test_the_base_time_is_that_of_the_first_demo(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert base_time(folder, 1_000) == 1_000_000
    assert base_time(folder, 2_000) == 1_000_000


def test_taken_ports_are_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("KITH_KAFKA_PORT", "KITH_CLICKHOUSE_PORT", "KITH_COLLECTOR_PORT", "KITH_API_PORT"):
        monkeypatch.setenv(variable, "1")
        monkeypatch.delenv(variable)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        avoid_taken_ports(Settings(api_port=port, kafka_port=0, clickhouse_port=0, collector_port=0))
    assert os.environ["KITH_API_PORT"] == "0"
    assert "KITH_KAFKA_PORT" not in os.environ


def identifier(type_: str, value: str) -> dict[str, str]:
    return {"type": type_, "value": value}


FOUND = Findings(
    channels=[["demo-web", "web", 12345, 67]],
    dead_letters=[["no_usable_identifier", 2]],
    people=100,
    known=40,
    identifiers=180,
    merges=9,
    merged=7,
    refusals=[
        {
            "a": identifier("user_id", "u2"),
            "b": identifier("email", "s@x.it"),
            "rule": "limit:user_id",
            "message": "One person would hold [too] many.",
        }
    ],
    shared=[
        ["anonymous_id:a1", "user_id:u1", "", "2026-01-02 03:04:05.000"],
        ["anonymous_id:a1", "user_id:u2", "2026-01-02 03:04:05.000", ""],
    ],
    orders=[["demo-shop", "EUR", 5, 1, "12.50", "0.50"]],
    segments=[
        {"id": "vip", "name": "Best [of all]", "members": 3, "state": "live", "progress": 1.0},
        {"id": "new", "name": "New", "members": 1, "state": "backfilling", "progress": 0.25},
    ],
    profile={
        "profile_id": "p1",
        "identifiers": [identifier("user_id", "u1"), identifier("email", "[red]@x.fr")],
        "traits": {"country": "FR"},
        "consent": {"email_marketing": {"granted": True}, "sms": {"granted": False}},
        "orders": {"count": 2, "revenue": {"EUR": "5.00"}, "refunded": {}},
        "cart": {"items": [{"quantity": 2, "product_id": "sku-1"}]},
        "activity": {"events": 3, "sessions": 2, "by_channel": {"web": 3, "chat": 0}},
        "acquisition": {"first": {}},
        "interests": {"categories": []},
        "segments": [{"id": "vip"}],
    },
    links=[{"a": identifier("user_id", "u1"), "b": identifier("email", "[red]@x.fr"), "rule": "pair"}],
    funnel=[{"event": "Product Viewed", "people": 1598, "conversion": 1.0, "median_seconds": 0.0}],
)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_summary_shows_what_was_found(width: int) -> None:
    output = io.StringIO()
    report(Console(file=output, width=width), FOUND)
    words = " ".join(output.getvalue().replace("│", " ").split())
    for shown in (
        "demo-web web 12,345 67",
        "2 no_usable_identifier",
        "100 people, 40 of them",
        "9 merges made 7 people",
        "user_id:u2 with email:s@x.it, by limit:user_id",
        "would hold [too] many",
        "user_id:u1 until 2026-01-02 03:04",
        "user_id:u2 from 2026-01-02 03:04",
        "demo-shop EUR 5 1 12.50 0.50",
        "vip Best [of all] 3",
        "1 (25%)",
        "email:[red]@x.fr",
        "email_marketing yes, sms no",
        "2, revenue 5.00 EUR, refunded none",
        "2 × sku-1",
        "Product Viewed 1,598 100% 0.0",
    ):
        assert shown in words, shown
