"""`POST /v1/import` takes files of rows in every format, twice is once, and rubbish gets an answer that helps."""

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from starlette.testclient import TestClient

from ingest.imports import rows as rows_module
from ingest.imports import upload
from tests.unit.ingest.memory import KEY, MemoryLog, collector

MAPPING = "{time: {column: at}, columns: {user: userId, n: {to: properties.n, type: number}}, constants: {event: Seen}}"
ROWS = [{"at": f"2026-01-{day:02d}", "user": f"u{day}", "n": str(day)} for day in range(1, 31)]


def csv(delimiter: str = ",", rows: list[dict[str, str]] = ROWS) -> bytes:
    return "".join(
        delimiter.join(line) + "\n" for line in [["at", "user", "n"], *(list(r.values()) for r in rows)]
    ).encode()


def ndjson() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def parquet_file() -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), buffer)
    return buffer.getvalue()


def post(client: TestClient, content: bytes, query: str = "", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/v1/import?{query}", content=content, headers=named, auth=(KEY, ""))


def mapped(client: TestClient, content: bytes, form: str) -> Any:
    return client.post("/v1/import", params={"format": form, "mapping": MAPPING}, content=content, auth=(KEY, ""))


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("csv", csv()),
        ("tsv", csv("\t")),
        ("ndjson", ndjson()),
        ("parquet", parquet_file()),
        ("csv", gzip.compress(csv())),
        ("ndjson", gzip.compress(ndjson())),
    ],
)
def test_every_format_and_twice_is_once(form: str, content: bytes) -> None:
    with collector() as (client, log):
        for _ in range(2):
            answer = mapped(client, content, form)
            assert answer.status_code == 200, answer.text
            assert answer.json() == {
                "success": True,
                "rows": 30,
                "accepted": 30,
                "rejected": 0,
                "errors": [],
                "mapping": None,
                "examples": None,
            }
        events = log.events()
    assert len(events) == 60
    assert len({event["event_id"] for event in events}) == 30
    assert events[4]["occurred_at"] == "2026-01-05T00:00:00.000Z"
    assert events[4]["properties"] == {"n": 5}


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8", "application/csv"])
def test_the_media_type_tells_the_format_and_the_header_the_mapping(content_type: str) -> None:
    content = csv().replace(b"at,user,n", b"timestamp,user_id,event")
    with collector() as (client, log):
        answer = post(client, content, content_type=content_type)
        assert answer.json()["accepted"] == 30
        assert "column: timestamp" in answer.json()["mapping"]
        assert log.events()[0]["event"] == "1"
        dry = post(client, content, "dry_run=true", content_type=content_type).json()
        assert (dry["rows"], len(dry["examples"]), dry["mapping"]) == (0, 3, answer.json()["mapping"])
        assert len(log.events()) == 30, "a dry run sends nothing"


@pytest.mark.parametrize("as_file", [True, False])
def test_a_form_with_file_and_mapping(as_file: bool) -> None:
    with collector() as (client, log):
        files: dict[str, Any] = {"file": ("rows.csv", csv(), "text/csv")}
        if as_file:
            files["mapping"] = ("rows.yaml", MAPPING.encode())
        data = {} if as_file else {"mapping": MAPPING}
        answer = client.post("/v1/import", files=files, data=data, auth=(KEY, ""))
        assert answer.json()["accepted"] == 30, answer.text
        assert len(log.events()) == 30
        assert (
            client.post(
                "/v1/import", files={"file": ("x.parquet", parquet_file())}, data={"mapping": MAPPING}, auth=(KEY, "")
            ).json()["accepted"]
            == 30
        )
        assert client.post("/v1/import", files={"mapping": ("m", b"")}, auth=(KEY, "")).status_code == 400


def test_what_makes_no_event_is_a_dead_letter_with_its_line() -> None:
    rows = [
        *ROWS[:3],
        {"at": "never", "user": "u", "n": "1"},
        {"at": "2026-01-01", "user": "", "n": "1"},
        {"at": "2026-01-01", "user": "null", "n": "2"},
    ]
    with collector() as (client, log):
        answer = mapped(client, csv(rows=rows) + b"too,few\n", "csv").json()
        letters = log.dead_letters()
    assert (answer["rows"], answer["accepted"], answer["rejected"]) == (7, 3, 4)
    assert [(error["line"], error["reason"]) for error in answer["errors"]] == [
        (5, "invalid_event"),
        (6, "invalid_event"),
        (7, "no_usable_identifier"),
        (8, "invalid_event"),
    ]
    assert "'never' is no time" in answer["errors"][0]["message"]
    assert len(letters) == 4
    assert json.loads(letters[0]["payload"]) == {"type": "import", "line": 5, "row": rows[3]}


def test_events_as_before() -> None:
    event = {"type": "page", "userId": "u1", "timestamp": "2026-01-01T00:00:00Z", "sentAt": "2026-01-02T00:00:00Z"}
    with collector() as (client, log):
        lines = json.dumps(event).encode()
        assert post(client, lines, content_type="application/x-ndjson").json() == {"success": True}
        assert post(client, b'{"batch":[' + lines + b"]}").json() == {"success": True}
        assert post(client, lines, "format=ndjson").json()["accepted"] == 1
        ids = [(each["occurred_at"], each["type"]) for each in log.events()]
    assert ids == [("2026-01-01T00:00:00.000Z", "page")] * 3


@pytest.mark.parametrize(
    ("content", "query", "headers", "status", "code"),
    [
        (b"", "format=csv", {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=csv", {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=fax", {}, 400, "unsupported_format"),
        (b"a,b\n1,2\n", "", {"content_type": "application/octet-stream"}, 400, "unsupported_format"),
        (b"a,b\n1,2\n", "format=csv&mapping=%5B", {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=csv&mapping=5", {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=csv&mapping=" + "{" * 3000, {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=csv&mapping=a: %26x [*x]", {}, 400, "invalid_import"),
        (b"a,b\n1,2\n", "format=csv&mapping={time: {column: zz}}", {}, 400, "invalid_import"),
        (b"\x1f\x8bnot gzip", "format=csv", {}, 400, "invalid_import"),
        (b"PAR1....PAR1", "format=parquet", {}, 400, "invalid_import"),
        (csv(), "format=csv", {"content_encoding": "br"}, 400, "unsupported_encoding"),
        (b"x", "", {"content_type": "multipart/form-data"}, 400, "invalid_request"),
        (b"x", "", {"content_type": "multipart/form-data; boundary=b"}, 400, "invalid_request"),
        (b"x" * 3000, "format=csv", {}, 413, "request_too_large"),
    ],
)
def test_rubbish_is_told(content: bytes, query: str, headers: dict[str, str], status: int, code: str) -> None:
    with collector(import_bytes=2000) as (client, log):
        answer = post(client, content, query, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.json()["message"]
        assert not log.events()


def test_who_may() -> None:
    with collector() as (client, log):
        assert client.post("/v1/import?format=csv", content=csv()).status_code == 401
        assert client.post("/v1/import?format=csv", content=csv(), auth=("other", "")).status_code == 401
        keyed = client.post("/v1/import", params={"format": "csv", "mapping": MAPPING, "writeKey": KEY}, content=csv())
        assert keyed.status_code == 200
        assert client.get("/v1/import?format=csv").status_code == 405
        assert len(log.events()) == 30


def test_a_bomb_is_stopped() -> None:
    with collector(import_bytes=20_000) as (client, log):
        bomb = gzip.compress(csv() + b"2026-01-01,u1,1\n" * 100_000)
        assert len(bomb) < 20_000
        answer = mapped(client, bomb, "csv")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_import")
        assert "more than 320000 bytes" in answer.json()["message"]
        assert "send the whole file again" in answer.json()["message"]
        assert len(log.events()) < 25_000


def test_what_a_killed_process_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "gettempdir", lambda: str(tmp_path))
    old, new, other = (tmp_path / name for name in ("kith-import-old", "kith-import-new", "other"))
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "rows").write_text("x")
    os.utime(old, (1000, 1000))
    os.utime(other, (1000, 1000))
    upload.sweep(new.stat().st_mtime + 60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kith-import-new", "other"]


def test_a_line_without_end_is_a_fault_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MOST_LINE", 1000)
    content = ndjson() + b'{"at": "' + b"x" * 10_000 + b'"}\n' + ndjson()
    with collector() as (client, _):
        answer = mapped(client, content, "ndjson").json()
    assert (answer["accepted"], answer["rejected"]) == (60, 1)


def test_kafka_away_is_a_503_and_the_same_again_works() -> None:
    with collector() as (client, log):
        assert isinstance(log, MemoryLog)
        log.away = True
        answer = mapped(client, csv(), "csv")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        log.away = False
        assert mapped(client, csv(), "csv").json()["accepted"] == 30


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from(["csv", "tsv", "ndjson", "parquet"]),
    st.booleans(),
    st.sampled_from(["none", "mapping", "zip"]),
)
def test_never_a_5xx(content: bytes, form: str, headed: bool, more: str) -> None:
    content = (csv() if headed else b"") + content
    content = gzip.compress(content) if more == "zip" else content
    with collector() as (client, _):
        query = {"format": form, **({"mapping": MAPPING} if more != "none" else {})}
        answer = client.post("/v1/import", params=query, content=content, auth=(KEY, ""))
        assert answer.status_code in (200, 400), answer.text
        answer.json()


@pytest.mark.parametrize(
    "text", ['"\\ud83d"', "1e999", "NaN", "[" * 600 + "]" * 600, '"\x00"', "123456789012345678901234567890"]
)
def test_cells_that_json_cannot_hold_cost_their_row_at_most(text: str) -> None:
    content = b'{"at":"2026-01-01","user":"u1","n":' + text.encode() + b"}\n" + ndjson()
    with collector() as (client, log):
        answer = mapped(client, content, "ndjson")
        assert answer.status_code == 200, answer.text
        assert answer.json()["accepted"] >= 30
        assert len(log.events()) + len(log.dead_letters()) == 31
