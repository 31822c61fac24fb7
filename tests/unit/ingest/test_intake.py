"""Messages become records; a message that breaks us costs nothing but itself."""

import pytest

from ingest import intake as module
from ingest.canonical import Reception, Rejection, Unfit, event_of
from ingest.intake import Intake
from ingest.plan_folder import PlanFolder
from schemas.identifier import Identifier, seed_of
from schemas.source import Source
from schemas.topics import Topics
from tests.unit.ingest.memory import MemoryLog

RECEPTION = Reception(Source(kind="tracking", name="web", write_keys=("k",)), 1_769_854_500_123)


async def test_each_channel_has_its_topic_and_the_seed_is_the_key() -> None:
    log = MemoryLog()
    messages = [
        {"type": "track", "event": "Order Completed", "userId": "u1"},
        {"type": "track", "event": "Live Chat Message Sent", "userId": "u1"},
        {"type": "page", "userId": "u1"},
        {"type": "fax", "userId": "u1"},
    ]
    acknowledged = Intake(log, Topics("p."), PlanFolder(None)).submit(messages, RECEPTION)
    assert acknowledged is not None
    await acknowledged
    assert [record[0] for record, _ in log.records] == [
        "p.events.order",
        "p.events.chat",
        "p.events.web",
        "p.events.rejected",
    ]
    seed = seed_of(Identifier("user_id", "u1"))
    assert [record[1] for record, _ in log.records] == [seed, seed, seed, "web"]
    assert {timestamp for _, timestamp in log.records} == {RECEPTION.received}


async def test_what_is_no_message_is_a_dead_letter_among_messages() -> None:
    log = MemoryLog()
    unknown = Unfit({"topic": "fax/sent", "id": 5}, "unknown_topic", "Nobody knows fax/sent.")
    Intake(log, Topics("p."), PlanFolder(None)).submit([{"type": "page", "userId": "u1"}, unknown], RECEPTION)
    assert len(log.events()) == 1
    (letter,) = log.dead_letters()
    assert (letter["source"], letter["reason"], letter["message"]) == ("web", "unknown_topic", "Nobody knows fax/sent.")
    assert letter["payload"] == '{"topic":"fax/sent","id":5}'


async def test_nothing_to_keep_is_nothing_to_wait_for() -> None:
    assert Intake(MemoryLog(), Topics(), PlanFolder(None)).submit([], RECEPTION) is None


async def test_a_message_that_breaks_us_costs_nothing_but_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaking(message: object, *rest: object) -> object:
        if message == {"poison": 1}:
            raise ZeroDivisionError("of ours")
        return event_of(message, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "event_of", breaking)
    log = MemoryLog()
    page = {"type": "page", "userId": "u1"}
    Intake(log, Topics(), PlanFolder(None)).submit([page, {"poison": 1}, page], RECEPTION)
    assert len(log.events()) == 2
    (letter,) = log.dead_letters()
    assert (letter["reason"], letter["payload"]) == ("invalid_event", '{"poison":1}')


async def test_nothing_about_a_suppressed_person_reaches_the_log_not_even_as_a_dead_letter() -> None:
    log = MemoryLog()
    kept_out = "jane@x.fr"
    intake = Intake(
        log,
        Topics("p."),
        PlanFolder(None),
        keeps_out=lambda event: any(each["value"] == kept_out for each in event["identifiers"]),
    )
    jane = {"type": "identify", "userId": "u1", "traits": {"email": "Jane@X.fr"}, "messageId": "m1"}
    told: list[tuple[int, Rejection]] = []
    assert intake.submit([jane], RECEPTION) is None
    intake.submit([jane, {**jane, "traits": {}, "messageId": "m2"}], RECEPTION, told=told)
    assert [event["message_id"] for event in log.events()] == ["m2"]
    assert log.dead_letters() == []
    assert [(index, rejection.reason) for index, rejection in told] == [(0, "suppressed")]
