"""Plans come from files, are read again, and decide what becomes of an event as its source says."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ingest.plan_folder import PlanFolder, plan_files
from schemas.errors import KithError
from tests.unit.ingest.memory import collector

PLAN = "version: 2\nevents: {Order: {properties: {required: [id], properties: {id: {type: string}}}}}\n"


def counted(source: str, outcome: str) -> float:
    labels = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("kith_collector_plan_violations_total", labels) or 0.0


@pytest.mark.parametrize("mode", ["accept", "flag", "reject"])
def test_the_source_decides(tmp_path: Path, mode: str) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "shop.yaml").write_text(PLAN)
    sources = tmp_path / "sources.yaml"
    sources.write_text(f"sources: {{shop: {{kind: tracking, write_keys: [wk_shop], plan: {mode}}}}}")
    before = counted("shop", {"accept": "accepted", "flag": "flagged", "reject": "rejected"}[mode])
    good: dict[str, Any] = {"event": "Order", "userId": "u1", "properties": {"id": "1"}, "context": {"locale": "fr"}}
    with collector(sources=sources, tracking_plan=tmp_path / "plans") as (client, log):
        for properties in ({"id": "1"}, {"id": 5}):
            answer = client.post("/v1/track", json=good | {"properties": properties}, auth=("wk_shop", ""))
            assert answer.json() == {"success": True}
        client.post("/v1/track", json=good | {"properties": {"id": 5}}, auth=("wk_test", ""))
        events, letters = log.events(), log.dead_letters()
    assert (events[0]["flags"], events[0]["context"]) == ([], {"locale": "fr"})
    assert (events[-1]["source"], events[-1]["flags"]) == ("default", []), "the plan is another source's"
    assert counted("shop", {"accept": "accepted", "flag": "flagged", "reject": "rejected"}[mode]) == before + 1
    if mode == "reject":
        (letter,) = letters
        assert letter["reason"] == "plan_violation"
        assert letter["message"] == (
            'Order breaks version 2 of the tracking plan: /properties/id: the value is not of type "string".'
        )
        return
    assert not letters
    assert events[1]["flags"] == (["plan_violation"] if mode == "flag" else [])
    told = {"version": 2, "violations": [{"path": "/properties/id", "message": 'the value is not of type "string"'}]}
    assert events[1]["context"] == {"locale": "fr"} | ({"plan": told} if mode == "flag" else {})


def test_plans_are_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    plans = PlanFolder(folder)
    assert not plans.current
    assert not plans.refresh()
    folder.mkdir()
    (folder / "shop.yaml").write_text(PLAN)
    (folder / "notes.txt").write_text("not a plan")
    assert plans.refresh()
    assert {name: plan.version for name, plan in plans.current.items()} == {"shop": 2}
    errors = REGISTRY.get_sample_value("kith_collector_plans_errors_total") or 0.0
    (folder / "till.yaml").write_text("version: none")
    assert not plans.refresh()
    assert set(plans.current) == {"shop"}
    assert REGISTRY.get_sample_value("kith_collector_plans_errors_total") == errors + 1
    (folder / "till.yaml").write_text("version: 1\nsources: [till-1, till-2]")
    assert plans.refresh()
    assert set(plans.current) == {"shop", "till-1", "till-2"}
    (folder / "shop.yaml").unlink()
    assert plans.refresh()
    assert set(plans.current) == {"till-1", "till-2"}


def test_a_change_without_a_greater_version_is_in_force_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(PLAN)
    plans = PlanFolder(tmp_path)
    for text, told in ((PLAN + "# a remark\n", False), (PLAN.replace("id", "sku"), True), ("version: 3", False)):
        path.write_text(text)
        assert plans.refresh()
        assert ("without a greater version" in capsys.readouterr().out) == told


def test_one_file_is_a_folder_of_one(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    file.write_text('{"version": 1}')
    assert set(PlanFolder(file).current) == {"shop"}
    assert plan_files(tmp_path / "nothing") == []


@pytest.mark.parametrize("other", ["version: 1\nsources: shop", "version: x", "\xff"])
def test_a_wrong_plan_at_the_start_is_an_error(tmp_path: Path, other: str) -> None:
    (tmp_path / "shop.yaml").write_text(PLAN)
    (tmp_path / "other.yaml").write_bytes(other.encode("latin-1"))
    with pytest.raises(KithError, match="yaml"):
        PlanFolder(tmp_path)
