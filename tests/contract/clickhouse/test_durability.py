"""Data after a crash, a second start, and a folder that somebody else has."""

import http.client
import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER, clickhouse_process


def test_kill_9_loses_no_acknowledged_insert(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    sent: list[int] = []
    for life in range(3):
        with clickhouse_process(tmp_path) as process:
            http_ = Http(process.port)
            if life == 0:
                http_.ask("CREATE TABLE events (id UInt64) ENGINE = MergeTree ORDER BY id")

            def insert(http_: Http = http_, life: int = life) -> None:
                for number in range(100_000):
                    value = life * 1_000_000 + number
                    sent.append(value)
                    try:
                        answer = http_.query("INSERT INTO events FORMAT CSV", b"%d\n" % value)
                    except (OSError, http.client.HTTPException):
                        return
                    if answer.status == 200:
                        acknowledged.append(value)

            writer = threading.Thread(target=insert)
            writer.start()
            writer.join(timeout=1.0)
            process.kill()
            writer.join(timeout=10)
    with clickhouse_process(tmp_path) as process:
        kept = [int(line) for line in Http(process.port).ask("SELECT id FROM events").splitlines()]
    assert len(acknowledged) > 50
    assert set(acknowledged) <= set(kept) <= set(sent)
    assert len(kept) == len(set(kept))


def test_a_stop_and_a_start_keep_everything(tmp_path: Path) -> None:
    for life in range(2):
        with clickhouse_process(tmp_path) as process:
            http_ = Http(process.port)
            if life == 0:
                http_.ask("CREATE DATABASE kept")
                http_.ask("CREATE TABLE kept.t (a UInt8) ENGINE = MergeTree ORDER BY a")
                http_.ask("INSERT INTO kept.t VALUES (1)")
            assert http_.ask("SELECT * FROM kept.t") == "1\n"
        assert process.process.returncode == 0


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with clickhouse_process(tmp_path):
        environment = {**os.environ, "KITH_DATA_DIR": str(tmp_path), "KITH_CLICKHOUSE_PORT": "0"}
        command = [sys.executable, "-m", "deploy.local.clickhouse"]
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert str(tmp_path / "clickhouse") in second.stderr
    assert "Traceback" not in second.stderr


def test_a_busy_port_gets_a_sentence(tmp_path: Path) -> None:
    with clickhouse_process(tmp_path / "first") as process:
        environment = {
            **os.environ,
            "KITH_DATA_DIR": str(tmp_path / "second"),
            "KITH_CLICKHOUSE_PORT": str(process.port),
            "KITH_CLICKHOUSE_USER": USER,
            "KITH_CLICKHOUSE_PASSWORD": PASSWORD,
        }
        command = [sys.executable, "-m", "deploy.local.clickhouse"]
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{process.port}" in second.stderr
