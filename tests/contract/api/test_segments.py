"""Segments over HTTP, over a real Kafka: one truth for all API processes, and a stream without gaps."""

import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings
from tests.parts.api import Api, running_api
from tests.parts.people import TOPICS, Writer, person, seed
from tests.parts.projecting import send
from tests.parts.streams import Stream
from tests.unit.projections.records import change

FRENCH = {"trait": "country", "op": "eq", "value": "FR"}


@pytest.fixture
def settings(stack_settings: Settings) -> Settings:
    return stack_settings


@pytest.fixture
def tables(settings: Settings) -> Iterator[Writer]:
    found = Writer(settings)
    yield found
    found.client.close()


@pytest.fixture
def one(settings: Settings, tables: Writer, tmp_path: Path) -> Iterator[Api]:
    with running_api(settings, tmp_path / "one") as running:
        yield running


@pytest.fixture
def two(settings: Settings, tmp_path: Path) -> Iterator[Api]:
    with running_api(settings, tmp_path / "two") as running:
        yield running


def definition(id_: str, where: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": id_, "where": FRENCH if where is None else where, **more}


def test_a_segment_is_defined_changed_and_deleted(one: Api) -> None:
    created = one.post("/v1/segments", definition("french", name="French"))
    assert created.status == 201
    assert created.json["version"] == 1
    assert (created.json["state"], created.json["progress"]) == ("backfilling", 0.0)
    assert one.post("/v1/segments", definition("french")).status == 409
    assert one.get("/v1/segments/french").json["name"] == "French"

    changed = one.ask("PUT", "/v1/segments/french", {"where": {"not": FRENCH}})
    assert (changed.status, changed.json["version"]) == (200, 2)
    # The same again is no change.
    assert one.ask("PUT", "/v1/segments/french", {"where": {"not": FRENCH}}).json["version"] == 2

    assert one.post("/v1/segments", definition("others", {"not": {"segment": "french"}})).status == 201
    refused = one.ask("DELETE", "/v1/segments/french")
    assert refused.status == 409
    assert "others" in refused.json["detail"]
    assert one.ask("DELETE", "/v1/segments/others").status == 204
    assert one.ask("DELETE", "/v1/segments/french").status == 204
    assert one.get("/v1/segments/french").status == 404
    assert one.ask("DELETE", "/v1/segments/french").status == 404
    # A name that comes back continues its versions.
    assert one.post("/v1/segments", definition("french")).json["version"] == 4


WRONG: list[tuple[Any, str]] = [
    ({"id": "x", "where": {"trait": "country", "op": "equals", "value": 1}}, "where.op"),
    ({"id": "changes", "where": FRENCH}, "id"),
    ({"id": "UPPER", "where": FRENCH}, "id"),
    ({"id": "x"}, "where"),
    ({"id": "x", "where": {"segment": "nowhere"}}, "where.segment"),
    ({"id": "x", "where": {"segment": "x"}}, "where.segment"),
    ({"id": "x", "where": {"all": [FRENCH, {"event": "A", "within": "0d"}]}}, "where.all[1].within"),
]


def test_a_wrong_definition_is_told_where_it_is_wrong(one: Api) -> None:
    for document, path in WRONG:
        answer = one.post("/v1/segments", document)
        assert (answer.status, answer.json["type"]) == (422, "urn:kith:invalid")
        assert path in [problem["path"] for problem in answer.json["problems"]]


def test_what_is_no_definition_at_all_is_refused(one: Api) -> None:
    for document in (b"", b"[]", b"{", b"null", b'"x"'):
        assert one.ask("POST", "/v1/segments", document).status == 422
    assert one.ask("PUT", "/v1/segments/a", definition("b")).status == 422
    assert one.ask("PUT", "/v1/segments/A%2F", definition("b")).status == 422


def test_two_processes_lose_no_change_and_use_no_version_twice(one: Api, two: Api) -> None:
    answers: list[Any] = []

    def change_often(api: Api, name: str) -> None:
        for n in range(8):
            where = {"trait": "n", "op": "eq", "value": f"{name}{n}"}
            answers.append(api.ask("PUT", "/v1/segments/busy", {"where": where}))

    threads = [threading.Thread(target=change_often, args=each) for each in ((one, "a"), (two, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 16
    final = {api.get("/v1/segments/busy").json["version"] for api in (one, two)}
    assert final == {16}


def test_all_segments_are_listed_page_by_page(one: Api) -> None:
    for n in range(5):
        one.post("/v1/segments", definition(f"s{n}"))
    assert [each["id"] for each in one.every("/v1/segments", 2)] == [f"s{n}" for n in range(5)]


def test_progress_and_size_come_from_the_tables(one: Api, tables: Writer, settings: Settings) -> None:
    one.post("/v1/segments", definition("french"))
    report = {"schema_version": 1, "segment_id": "french", "version": 1, "partitions": 4}
    tables.put(TOPICS.progress, [{**report, "partition": n} for n in range(3)])
    shown = one.get("/v1/segments/french").json
    assert (shown["state"], shown["progress"]) == ("backfilling", 0.75)
    tables.put(TOPICS.progress, [{**report, "partition": 3}])
    tables.put(TOPICS.changes, [change(1, segment_id="french", profile_id=seed("user_id", f"u{n}")) for n in range(7)])
    shown = one.get("/v1/segments/french").json
    assert (shown["state"], shown["progress"], shown["members"]) == ("live", 1.0, 7)


def test_a_preview_counts_before_anything_is_saved(one: Api, tables: Writer) -> None:
    tables.people(person(n) for n in range(30))
    answer = one.post("/v1/segments/preview", {"where": FRENCH})
    assert answer.json["count"] == 15
    assert set(answer.json["sample"]) <= {person(n)["profile_id"] for n in range(1, 30, 2)}
    assert one.post("/v1/segments/preview", {"where": {"segment": "nowhere"}}).status == 422
    assert one.post("/v1/segments/preview", {"where": {"any": [FRENCH] * 300}}).json["count"] == 15
    assert one.get("/v1/segments").json["items"] == []


def changes(count: int, people: int = 9) -> list[dict[str, Any]]:
    return [
        change(
            1 + n // people,
            change_id=f"c{n}",
            segment_id=("vip", "french")[n % 2],
            profile_id=seed("user_id", f"u{n % people}"),
            because={"kind": "identity", "moved_to": "x"} if n % 7 == 0 else {"kind": "event", "event_id": "e"},
        )
        for n in range(count)
    ]


def publish(settings: Settings, many: list[dict[str, Any]]) -> None:
    send(settings, [(settings.topics.changes, each["profile_id"], each) for each in many], transaction=True)


def test_the_stream_is_everything_in_order_per_profile_from_any_place(one: Api, settings: Settings) -> None:
    many = changes(200)
    publish(settings, many[:120])
    live = Stream(one, "?include_moves=true", 80)
    whole = Stream(one, "?include_moves=true&after=beginning", 200)
    publish(settings, many[120:])
    found = whole.all()
    assert sorted(each["change_id"] for _, each in found) == sorted(each["change_id"] for each in many)
    for who in {each["profile_id"] for each in many}:
        sequence = [each for _, each in found if each["profile_id"] == who]
        assert sequence == [each for each in many if each["profile_id"] == who]
    assert {each["change_id"] for _, each in live.all()} == {each["change_id"] for each in many[120:]}
    # Continued behind any event, by cursor or by header, it is the rest.
    for place in (0, 57, 119, 198):
        cursor = found[place][0]
        rest = sorted(each["change_id"] for _, each in found[place + 1 :])
        by_cursor = Stream(one, f"?include_moves=true&after={cursor}", len(rest)).all()
        assert sorted(each["change_id"] for _, each in by_cursor) == rest
        by_header = Stream(one, "?include_moves=true&after=beginning", len(rest), last=cursor).all()
        assert sorted(each["change_id"] for _, each in by_header) == rest


def test_moves_and_other_segments_are_left_out(one: Api, settings: Settings) -> None:
    many = changes(100)
    publish(settings, many)
    wanted = {each["change_id"] for each in many if each["segment_id"] == "vip" and "moved_to" not in each["because"]}
    found = Stream(one, "?segment=vip&after=beginning", len(wanted)).all()
    assert {each["change_id"] for _, each in found} == wanted


def test_members_and_the_changes_after_them_are_a_consistent_start(one: Api, tables: Writer) -> None:
    one.post("/v1/segments", definition("vip"))
    people = [seed("user_id", f"u{n}") for n in range(25)]
    tables.put(TOPICS.changes, [change(1, profile_id=who) for who in people])
    tables.put(TOPICS.changes, [change(2, profile_id=who) for who in people[:5]])
    first = one.get("/v1/segments/vip/members?limit=10").json
    assert first["after"] == "0-30"
    members = one.every("/v1/segments/vip/members", 10)
    assert sorted(each["profile_id"] for each in members) == sorted(people[5:])
    assert members[0]["since"] == "2026-01-31T10:15:00.123Z"
    second = one.get(f"/v1/segments/vip/members?limit=10&cursor={first['next']}").json
    assert second["after"] == first["after"]
    assert one.get("/v1/segments/nothing/members").status == 404


def test_a_cursor_of_another_log_is_refused(one: Api) -> None:
    for cursor in ("0-99999", "77-0", "x", "0"):
        answer = one.get(f"/v1/segments/changes?after={cursor}")
        assert (answer.status, answer.json["type"]) == (400, "urn:kith:invalid-cursor")


def test_who_reads_slowly_costs_nobody_else(one: Api, settings: Settings) -> None:
    slow = http.client.HTTPConnection(one.url.removeprefix("http://"), timeout=30)
    slow.request("GET", "/v1/segments/changes?after=beginning", headers={"Authorization": f"Bearer {one.token}"})
    slow.getresponse()
    many = [change(1 + n, change_id=f"c{n}", identifiers=[{"type": "email", "value": "x" * 2000}]) for n in range(4000)]
    quick = Stream(one, "", 4000)
    started = time.monotonic()
    publish(settings, many)
    quick.all()
    assert time.monotonic() - started < 30
    slow.close()
