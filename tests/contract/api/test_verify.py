"""The comparison of stream and SQL finds who differs, and names the clause; consent is asked as of the delivery."""

import time
from pathlib import Path
from typing import Any

from projections.clickhouse import open_database
from schemas.settings import Settings
from tests.parts.api import Api, running_api
from tests.parts.people import TOPICS, Writer, person, seed, slices
from tests.parts.projecting import projecting, send
from tests.parts.webhooks import receiver
from tests.unit.projections.records import change

WHERE = {"all": [{"trait": "country", "op": "eq", "value": "FR"}, {"not": {"trait": "age", "op": "gte", "value": 20}}]}


def live(writer: Writer, id_: str, version: int = 1) -> None:
    """Say that a definition has reached everybody."""
    report = {"schema_version": 1, "segment_id": id_, "version": version, "partitions": 4}
    writer.put(TOPICS.progress, [{**report, "partition": n} for n in range(4)])


def entered(number: int) -> dict[str, Any]:
    return change(1, change_id=f"e{number}", segment_id="young", profile_id=person(number)["profile_id"])


def test_who_differs_is_named_with_the_clause(stack_settings: Settings, tmp_path: Path) -> None:
    open_database(stack_settings).close()
    writer = Writer(stack_settings)
    try:
        with running_api(stack_settings, tmp_path) as api:
            assert api.post("/v1/segments", {"id": "young", "where": WHERE}).status == 201
            assert api.post("/v1/segments/young/verify", {}).status == 409
            live(writer, "young")
            writer.people(person(n) for n in range(30))
            young = [n for n in range(20) if n % 2]
            writer.put(TOPICS.changes, [entered(n) for n in young])
            found = api.post("/v1/segments/young/verify", {}).json
            assert (found["people"], found["different"], found["differences"]) == (30, 0, [])
            # Number 21 is too old and 22 is Belgian: the stream says otherwise of both.
            writer.put(TOPICS.changes, [entered(21), entered(22)])
            check(api)
    finally:
        writer.client.close()


def check(api: Api) -> None:
    found = api.post("/v1/segments/young/verify", {}).json
    assert found["different"] == 2
    clauses = {
        each["profile_id"]: (each["in_sql"], each["in_stream"], each["clauses"]) for each in found["differences"]
    }
    assert clauses == {
        person(21)["profile_id"]: (False, True, ["where.all[1].not"]),
        # Country and age both keep this one out: no clause alone decides.
        person(22)["profile_id"]: (False, True, ["where.all[0]", "where.all[1].not"]),
    }
    assert api.post("/v1/segments/nobody/verify", {}).status == 404


def decided(number: int, granted: bool | None) -> dict[str, Any]:
    consent = {} if granted is None else {"mail": {"granted": granted, "at": "2026-01-31T10:15:00.123Z"}}
    return person(number, consent=consent)


def test_only_people_who_grant_the_purpose_are_delivered(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings.model_copy(update={"webhook_allow_private": True})
    topics = settings.topics
    people = [decided(0, True), decided(1, False), decided(2, None)]
    records = [(topics.profiles, each["profile_id"], each) for each in people]
    records += [(topics.assignments, each["seed"], each) for document in people for each in slices(document)]
    with projecting(settings, tmp_path), receiver() as hooks, running_api(settings, tmp_path) as api:
        url = f"{hooks.url}/mail"
        assert api.post("/v1/subscriptions", {"url": url, "consent": "mail"}).status == 201
        # Published together, as the worker does: the projector has the profiles a moment later.
        many = [(topics.changes, each["profile_id"], entered(n)) for n, each in enumerate(people)]
        send(settings, [*many, *records], transaction=True)
        [hook] = hooks.wait("/mail", 1)
        assert hook.data["profile_id"] == seed("user_id", "u0")
        time.sleep(1)
        assert len(hooks.at("/mail")) == 1
