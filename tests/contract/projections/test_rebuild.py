"""Rebuilds from a real log into the real engine, while a projector works, killed at every step."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from projections.batch import projections
from projections.clickhouse import open_database
from projections.groups import choose, groups_of
from projections.log import Log
from projections.rebuild import Rebuild, check_complete
from projections.shadows import Shadows
from schemas.errors import KithError
from schemas.identifier import Identifier, seed_of
from schemas.settings import Settings
from tests.contract.projections.test_projector import events, messages
from tests.parts.projecting import projecting, rows, send, wait_until_projected
from tests.unit.projections.records import assignment, change, decision, order, profile

# Everything that a table says, in an order of its own; FINAL where a newer state replaces an older one.
ANSWERS = {
    "events": "SELECT * FROM events ORDER BY event_id",
    "identity_slices": "SELECT * FROM identity_slices FINAL ORDER BY seed, valid_from",
    "identity_candidates": "SELECT * FROM identity_candidates FINAL ORDER BY profile_id, seed",
    "profile_states": "SELECT * FROM profile_states FINAL ORDER BY profile_id",
    "order_states": "SELECT * FROM order_states FINAL ORDER BY seed",
    "segment_changes": "SELECT * FROM segment_changes ORDER BY segment_id, profile_id, sequence",
    "membership_states": "SELECT * FROM membership_states FINAL ORDER BY segment_id, profile_id",
    "decisions": "SELECT * FROM decisions ORDER BY decision_id",
}


class Stopped(Exception):
    """The rebuild ends here."""


def answers(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows(settings, sql) for name, sql in ANSWERS.items()}


def left_over(settings: Settings) -> list[tuple[Any, ...]]:
    return rows(settings, "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%\\_\\_%'")


def quiet(step: str, done: int, total: int) -> None:
    pass


@contextmanager
def logs(settings: Settings) -> Iterator[Log]:
    log = Log(settings)
    yield log
    log.close()


def rebuild(settings: Settings, names: list[str], show: Any = quiet) -> int:
    client = open_database(settings)
    groups = choose(names, groups_of(projections(settings.topics)))
    try:
        with logs(settings) as log:
            check_complete(log, groups, settings.topic_prefix)
            return sum(Rebuild(settings, client, log, group, show).run() for group in groups)
    finally:
        client.close()


def fill(settings: Settings, count: int = 400) -> None:
    topics = settings.topics
    seed = profile()["profile_id"]
    many = events(count)
    send(settings, messages(settings, many + many[: count // 4]))
    send(
        settings,
        [
            (topics.assignments, seed, assignment()),
            *((topics.profiles, seed, profile(version=version)) for version in range(5)),
            (topics.orders, seed, order()),
            *((topics.changes, seed, change(number)) for number in range(1, 8)),
            (topics.decisions, seed, decision()),
            (topics.events["web"], seed, b"no event"),
        ],
        transaction=True,
    )


def test_a_rebuild_beside_a_projector_gives_equal_answers_twice(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings.model_copy(update={"projector_batch": 150, "projector_interval_s": 0.05})
    with projecting(settings, tmp_path):
        fill(settings)
        wait_until_projected(settings)
        before = answers(settings)
        assert len(before["events"]) == 400
        assert len(before["segment_changes"]) == 7
        for _ in range(2):
            assert rebuild(settings, []) > 400
            assert answers(settings) == before
        assert left_over(settings) == []
        # Whatever somebody did to the tables is undone.
        client = open_database(settings)
        client.command("DELETE FROM events WHERE cityHash64(event_id) % 3 = 0")
        client.command("ALTER TABLE order_states DELETE WHERE 1 SETTINGS mutations_sync = 1")
        client.command("INSERT INTO membership_states SELECT 'vip', generateUUIDv4(), now64(3), true, 99")
        client.close()
        assert answers(settings) != before
        rebuild(settings, ["events", "orders", "segments"])
        assert answers(settings) == before
        # What comes afterwards goes into the new tables.
        send(settings, messages(settings, events(30, start=400)))
        wait_until_projected(settings)
    assert rows(settings, "SELECT count(), uniqExact(event_id) FROM events") == [(430, 430)]


def test_events_that_come_meanwhile_are_there_and_once(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings.model_copy(update={"projector_batch": 100, "projector_interval_s": 0.02})
    over = threading.Event()
    sent = 0

    def traffic() -> None:
        nonlocal sent
        while not over.wait(0.02):
            send(settings, messages(settings, events(20, start=sent)))
            sent += 20

    with projecting(settings, tmp_path):
        fill(settings, 100)
        wait_until_projected(settings)
        sender = threading.Thread(target=traffic)
        sender.start()
        seen = []
        try:
            for _ in range(3):
                rebuild(settings, ["events", "segments"])
                seen.append(rows(settings, "SELECT count() FROM events")[0][0])
        finally:
            over.set()
            sender.join()
        wait_until_projected(settings)
    assert sent > 100
    assert seen == sorted(seen)
    assert rows(settings, "SELECT count(), uniqExact(event_id) FROM events") == [(sent, sent)]


def test_stopped_anywhere_the_next_one_finishes(
    stack_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = stack_settings.model_copy(update={"projector_batch": 60, "projector_interval_s": 0.05})

    def stop(*_: object) -> None:
        raise Stopped

    def show(told: str, done: int, total: int) -> None:
        if told.startswith("reading") and done:
            raise Stopped

    places: dict[str, tuple[type, str] | None] = {
        "while it reads": None,
        "with mirrors": (Log, "committed"),
        "behind the projector": (Rebuild, "_mirrored"),
        "before the swap": (Shadows, "swap"),
        "after the swap": (Shadows, "remove"),
    }
    with projecting(settings, tmp_path):
        fill(settings, 300)
        for number, place in enumerate(places.values()):
            send(settings, messages(settings, events(40, start=300 + 40 * number)))
            wait_until_projected(settings)
            before = answers(settings)
            assert len(before["events"]) == 340 + 40 * number
            with monkeypatch.context() as patched:
                if place:
                    patched.setattr(place[0], place[1], stop)
                with pytest.raises(Stopped):
                    rebuild(settings, ["events", "segments"], quiet if place else show)
            assert answers(settings) == before
        wait_until_projected(settings)
        rebuild(settings, ["events", "segments"])
        assert answers(settings) == before
        assert left_over(settings) == []


def test_of_two_bodies_under_one_id_the_one_stays_that_the_archive_has(
    stack_settings: Settings, tmp_path: Path
) -> None:
    many = events(60)
    moved = [{**each, "seed": seed_of(Identifier("user_id", f"other{n}"))} for n, each in enumerate(many)]
    with projecting(stack_settings, tmp_path):
        # One half comes first for one person, the other half for the other.
        send(stack_settings, messages(stack_settings, many[:30] + moved[30:]))
        wait_until_projected(stack_settings)
        send(stack_settings, messages(stack_settings, moved[:30] + many[30:]))
        wait_until_projected(stack_settings)
        before = answers(stack_settings)["events"]
        for _ in range(2):
            rebuild(stack_settings, ["events"])
            assert answers(stack_settings)["events"] == before


def test_a_log_without_its_beginning_is_refused_and_nothing_is_touched(
    stack_settings: Settings, tmp_path: Path
) -> None:
    topic = stack_settings.topics.events["web"]
    with projecting(stack_settings, tmp_path):
        fill(stack_settings, 100)
        wait_until_projected(stack_settings)
    before = answers(stack_settings)
    admin = AdminClient({"bootstrap.servers": stack_settings.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 1, 2)]).values():
        future.result(10)
    with pytest.raises(KithError, match=rf"{topic}/1 begins at offset 2.*--only decisions"):
        rebuild(stack_settings, [])
    assert answers(stack_settings) == before
    rebuild(stack_settings, ["decisions"])
    assert answers(stack_settings) == before
