"""`kith bench` as a person runs it, with little to do: that it runs and says what it must. Never how fast."""

import json
import os
import subprocess
import sys

import pytest

from deploy.local.bench.registry import BENCHES

pytestmark = pytest.mark.e2e


def bench(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KITH_")}
    run = subprocess.run(
        (sys.executable, "-m", "deploy.local.cli", "bench", *arguments),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run


def test_collector_and_pipeline_stand_beside_their_baselines() -> None:
    document = json.loads(bench("collector_batch", "pipeline", "--json", "--scale", "0.01").stdout)
    assert set(document) == {"figures", "baselines", "ratios", "conditions"}
    for name, unit in (("collector_batch", "events/CPU s"), ("pipeline", "events/s")):
        figure, baseline = document["figures"][name], document["baselines"][name]
        assert figure["unit"] == baseline["unit"] == unit
        assert document["ratios"][name] == pytest.approx(figure["value"] / baseline["value"], rel=0.01)
    conditions = document["conditions"]
    assert conditions["scale"] == 0.01
    assert conditions["cores"] >= 1
    assert conditions["versions"]["kafka"] != "unknown"
    assert conditions["sizes"]["pipeline"]["events"] == 1_000


def test_people_are_read_kept_in_memory_and_survive_a_kill() -> None:
    document = json.loads(bench("profile_get", "memory", "restart", "latency", "--json", "--scale", "0.01").stdout)
    assert {"profile_get", "memory", "memory_idle", "memory_full", "restart", "latency_p50", "latency_p99"} <= set(
        document["figures"]
    )
    assert document["baselines"].keys() == document["ratios"].keys() == {"profile_get"}
    assert document["conditions"]["sizes"]["memory"]["profiles"] == 1_000
    assert all(figure["value"] >= 0 for name, figure in document["figures"].items() if name != "memory")


def test_list_names_every_bench_and_a_wrong_name_gets_a_sentence() -> None:
    listed = bench("--list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == [entry.name for entry in BENCHES]
    assert "There is no bench nonsense: choose among" in bench("nonsense", code=1).stderr


def test_projections_stand_beside_the_plainest_way() -> None:
    document = json.loads(bench("projections", "--json", "--scale", "0.002").stdout)
    names = {f"projections_{name}" for name in ("sink", "rebuild", "person", "attribution", "funnel")}
    assert names == set(document["ratios"])
    assert document["figures"]["projections_freshness_p95"]["unit"] == "ms"
    assert document["conditions"]["sizes"]["projections"]["events"] == 2_000
