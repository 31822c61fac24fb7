"""Sources over HTTP: what the file says without its secrets, what each has sent, and when last."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.parts.api import Api, running_api
from tests.parts.people import TOPICS, Writer
from tests.unit.projections.records import dead_letter, event

FILE = """\
sources:
  shop: {kind: tracking, write_keys: [hush-1], origins: ["https://a.example"], limits: {events_per_second: 5}}
  pay: {kind: stripe, secrets: ["${STRIPE_SECRET}", hush-2], disabled: true}
"""


@pytest.fixture(scope="module")
def asked(shared_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    folder = tmp_path_factory.mktemp("sources")
    path = folder / "sources.yaml"
    settings = shared_settings.model_copy(
        update={"kafka_bootstrap": "127.0.0.1:9", "sources": path, "api_tokens": "test-token,op:operator"}
    )
    path.write_text(FILE)
    with running_api(settings, folder) as api:
        yield api, path


def test_what_is_said_and_what_was_sent(asked: tuple[Api, Path], writer: Writer) -> None:
    api, path = asked
    path.write_text(FILE)
    at = "2099-01-31T10:15:00.123Z"
    events = [
        event(event_id=f"00000000-0000-0000-0000-00000000000{n}", source="shop", received_at=at) for n in range(3)
    ]
    writer.put(
        TOPICS.events["web"], [*events, {**events[0], "source": "old", "event_id": events[0]["event_id"][:-1] + "9"}]
    )
    order = {**events[0], "channel": "order", "event_id": events[0]["event_id"][:-1] + "8"}
    writer.put(TOPICS.events["order"], [order])
    writer.put(
        TOPICS.rejected,
        [dead_letter(source="pay", at=at), dead_letter(source="pay", at=at), dead_letter(id="y", source="pay", at=at)],
    )
    listed = api.every("/v1/sources", 2)
    assert [source["name"] for source in listed] == ["old", "pay", "shop"]
    old, pay, shop = listed
    assert (old["configured"], old["kind"], old["events"]) == (False, None, 1)
    assert (pay["kind"], pay["disabled"], pay["keys"], pay["dead_letters"]) == ("stripe", True, 2, 2)
    assert (pay["events"], pay["last_event_at"], pay["last_dead_letter_at"]) == (0, None, at)
    assert (shop["events"], shop["channels"], shop["last_event_at"]) == (4, {"web": 3, "order": 1}, at)
    assert (shop["origins"], shop["limits"]["events_per_second"]) == (["https://a.example"], 5.0)
    assert api.get("/v1/sources/shop").json == shop
    assert api.get("/v1/sources/shop", authorization="Bearer op").json == shop, "no personal data in it"
    assert b"hush" not in api.get("/v1/sources").body


def test_the_source_of_write_keys_is_in_no_file(asked: tuple[Api, Path], writer: Writer) -> None:
    api, path = asked
    path.write_text(FILE)
    assert api.get("/v1/sources/default").status == 404
    writer.put(TOPICS.events["web"], [event(source="default")])
    shown = api.get("/v1/sources/default").json
    assert (shown["kind"], shown["configured"], shown["keys"], shown["events"]) == ("tracking", True, None, 1)


def test_refusals(asked: tuple[Api, Path], writer: Writer) -> None:
    api, path = asked
    path.write_text(FILE)
    assert api.get("/v1/sources/nobody").status == 404
    assert api.get("/v1/sources?cursor=x").status == 400
    assert api.get("/v1/sources?limit=0").status == 422
    path.write_text("sources: {a: {kind: fax, secrets: [hush]}}")
    answer = api.get("/v1/sources")
    assert (answer.status, answer.json["type"]) == (503, "urn:kith:unavailable")
    assert "a: kind" in answer.json["detail"]
    assert b"hush" not in answer.body
