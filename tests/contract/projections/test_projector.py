"""The projector between a real Kafka and the real engine: what it keeps through kills, duplicates and bad records."""

import random
import time
from pathlib import Path
from typing import Any

from projections import archive
from projections.clickhouse import open_database
from schemas.codec import dumps
from schemas.identifier import Identifier, seed_of
from schemas.settings import Settings
from schemas.times import to_millis
from tests.parts.clickhouse import clickhouse_process
from tests.parts.projecting import projecting, rows, send, wait_until_projected
from tests.unit.projections.records import assignment, change, decision, event, order, profile

DEFINITION = {"segment_id": "vip", "version": 1, "definition": {}, "updated_at": "2026-01-01T00:00:00.000Z"}
COUNTED = "SELECT count(), uniqExact(event_id), uniqExact(message_id) FROM events"


def events(count: int, people: int = 50, start: int = 0) -> list[dict[str, Any]]:
    return [
        event(f"m{n}", seed_of(Identifier("user_id", f"u{n % people}")), channel=("web", "order", "chat")[n % 3])
        for n in range(start, start + count)
    ]


def messages(settings: Settings, many: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(settings.topics.events[each["channel"]], each["seed"], each) for each in many]


def test_every_topic_reaches_its_table_and_the_lag_ends_at_zero(stack_settings: Settings, tmp_path: Path) -> None:
    topics = stack_settings.topics
    seed = profile()["profile_id"]
    with projecting(stack_settings, tmp_path):
        send(stack_settings, messages(stack_settings, events(20)))
        # In a transaction, so that each partition ends with a marker.
        send(
            stack_settings,
            [
                (topics.assignments, seed, assignment()),
                (topics.profiles, seed, profile()),
                (topics.orders, seed, order()),
                (topics.changes, seed, change(1)),
                (topics.decisions, seed, decision()),
                (topics.definitions, "vip", DEFINITION),
            ],
            transaction=True,
        )
        wait_until_projected(stack_settings)
    found = {
        name: rows(stack_settings, f"SELECT count() FROM {name}")[0][0]  # noqa: S608 - names of this test
        for name in ("events", "identity", "profiles", "orders", "order_items", "segment_membership", "decisions")
    }
    assert found == {
        "events": 20,
        "identity": 1,
        "profiles": 1,
        "orders": 1,
        "order_items": 1,
        "segment_membership": 1,
        "decisions": 1,
    }


def test_a_record_without_a_value_that_comes_alone_ends_a_profile(stack_settings: Settings, tmp_path: Path) -> None:
    topic, ended = stack_settings.topics.profiles, profile()
    with projecting(stack_settings, tmp_path):
        for value, left in ((ended, 1), (None, 0)):
            send(stack_settings, [(topic, ended["profile_id"], value)])
            wait_until_projected(stack_settings)
            assert rows(stack_settings, "SELECT count() FROM profiles") == [(left,)]


def test_an_event_is_archived_once_however_often_it_came(stack_settings: Settings, tmp_path: Path) -> None:
    many = events(200)
    with projecting(stack_settings, tmp_path):
        send(stack_settings, messages(stack_settings, many))
        wait_until_projected(stack_settings)
        # The same again, and some with another body and person: on other partitions.
        moved = [{**each, "seed": seed_of(Identifier("user_id", "other"))} for each in many[:20]]
        send(stack_settings, messages(stack_settings, many + moved))
        wait_until_projected(stack_settings)
    assert rows(stack_settings, COUNTED) == [(200, 200, 200)]


def test_killed_again_and_again_nothing_is_lost_or_doubled(stack_settings: Settings, tmp_path: Path) -> None:
    chance = random.Random(1)
    settings = stack_settings.model_copy(update={"projector_batch": 700, "projector_interval_s": 0.05})
    with projecting(settings, tmp_path) as projector:
        for part in range(4):
            send(settings, messages(settings, events(3000, start=3000 * part)))
            time.sleep(1.5 + chance.random())
            projector.kill()
            projector.restart()
        wait_until_projected(settings)
    assert rows(settings, COUNTED) == [(12000, 12000, 12000)]


def test_two_projectors_share_the_partitions_and_one_takes_over(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings.model_copy(update={"projector_batch": 500, "projector_interval_s": 0.05})
    with projecting(settings, tmp_path, "one") as one, projecting(settings, tmp_path, "two"):
        for part in range(3):
            send(settings, messages(settings, events(3000, start=3000 * part)))
            time.sleep(1)
        one.kill()
        send(settings, messages(settings, events(3000, start=9000)))
        wait_until_projected(settings)
    assert rows(settings, COUNTED) == [(12000, 12000, 12000)]


def test_a_poisoned_record_becomes_a_dead_letter_and_costs_no_other(stack_settings: Settings, tmp_path: Path) -> None:
    topic = stack_settings.topics.events["web"]
    good = events(30)
    poison = [b"{", {"event_id": "x"}, {**event("odd"), "seed": "not-a-seed"}]
    # One that only ClickHouse refuses.
    odd = (stack_settings.topics.assignments, "k", {**assignment(), "seed": "not-a-seed"})
    with projecting(stack_settings, tmp_path):
        send(stack_settings, [*messages(stack_settings, good), *((topic, "k", each) for each in poison), odd])
        wait_until_projected(stack_settings)
        time.sleep(1)
        wait_until_projected(stack_settings)
    assert rows(stack_settings, COUNTED) == [(30, 30, 30)]
    letters = rows(stack_settings, "SELECT source, reason, payload FROM dead_letters ORDER BY payload")
    assert [letter[:2] for letter in letters] == [("projector", "undecodable")] * 4
    assert letters[0][2] == "{"


def test_a_projection_that_understands_nothing_stops(stack_settings: Settings, tmp_path: Path) -> None:
    topic = stack_settings.topics.events["web"]
    send(stack_settings, [(topic, "k", {"schema_version": 99})] * 100)
    with projecting(stack_settings, tmp_path) as projector:
        assert projector.process.wait(timeout=60) == 1
    assert "is broken" in projector.log.read_text()
    assert rows(stack_settings, "SELECT count() FROM dead_letters") == [(0,)]


def test_clickhouse_may_die_and_come_back(stack_settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "clickhouse"
    with clickhouse_process(folder) as first:
        settings = stack_settings.model_copy(update={"clickhouse_url": first.url, "projector_interval_s": 0.05})
        with projecting(settings, tmp_path) as projector:
            send(settings, messages(settings, events(2000)))
            time.sleep(2)
            first.kill()
            send(settings, messages(settings, events(2000, start=2000)))
            time.sleep(2)
            assert projector.process.poll() is None
            with clickhouse_process(folder, {"KITH_CLICKHOUSE_PORT": str(first.port)}):
                wait_until_projected(settings)
                assert rows(settings, COUNTED) == [(4000, 4000, 4000)]


def test_another_log_is_not_mixed_into_the_same_tables(stack_settings: Settings, tmp_path: Path) -> None:
    client = open_database(stack_settings)
    client.command(
        "INSERT INTO events (event_id, topic, partition, offset) SELECT generateUUIDv4(), {topic:String}, 0, 500",
        parameters={"topic": stack_settings.topics.events["web"]},
    )
    client.close()
    with projecting(stack_settings, tmp_path) as projector:
        assert projector.process.wait(timeout=60) == 1
    assert "it is another log" in projector.log.read_text()


def test_names_times_and_values_at_the_edges_are_kept(stack_settings: Settings, tmp_path: Path) -> None:
    name = "a\tb\n'c\\ \0 é"
    properties = {"a.b": 1, "a": {"b": None}, "": "x" * 20000, **{f"key{n}": n for n in range(2000)}}
    times = ["1900-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "2299-12-31T23:59:59.999Z"]
    many = [event(time, occurred_at=time, event=name, properties=properties) for time in times]
    with projecting(stack_settings, tmp_path):
        send(stack_settings, messages(stack_settings, many))
        wait_until_projected(stack_settings)
    found = rows(
        stack_settings, "SELECT toUnixTimestamp64Milli(occurred_at), event, properties FROM events ORDER BY occurred_at"
    )
    assert found == [(to_millis(time), name, dumps(properties).decode()) for time in times]


def test_an_event_that_two_projectors_archived_at_once_stays_once(stack_settings: Settings, tmp_path: Path) -> None:
    many = events(40)
    topic = stack_settings.topics.events["web"]
    with projecting(stack_settings, tmp_path):
        send(stack_settings, messages(stack_settings, many))
        wait_until_projected(stack_settings)
    client = open_database(stack_settings)
    # As if another projector had inserted these from another partition before it could see the first ones.
    client.command(
        "INSERT INTO events (event_id, message_id, topic, partition, offset) "
        "SELECT event_id, message_id, {topic:String}, 99, offset FROM events ORDER BY offset LIMIT 5",
        parameters={"topic": topic},
    )
    assert archive.remove_surplus(client, [each["event_id"] for each in many]) == 5
    assert rows(stack_settings, COUNTED) == [(40, 40, 40)]
    client.command("OPTIMIZE TABLE events FINAL")
    assert archive.archived(client, [many[0]["event_id"]]) == {many[0]["event_id"]}
    assert rows(stack_settings, "SELECT max(partition) < 99 FROM events") == [(1,)]
    client.close()
