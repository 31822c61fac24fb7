"""Members at any time and the changes after them: a consistent start, whenever it is asked for."""

import time
from pathlib import Path
from typing import Any

from schemas.settings import Settings
from schemas.times import to_iso
from tests.parts.api import Api, running_api
from tests.parts.people import seed
from tests.parts.projecting import projecting, send, wait_until_projected
from tests.parts.streams import Stream
from tests.unit.projections.records import change

PEOPLE = [seed("user_id", f"u{n}") for n in range(9)]


def publish(settings: Settings, start: int, end: int) -> list[dict[str, Any]]:
    """Publish changes number `start` to `end`: each person in turn enters and exits again."""
    many = [
        change(1 + n // 9, change_id=f"c{n}", profile_id=PEOPLE[n % 9], change=("entered", "exited")[n // 9 % 2])
        for n in range(start, end)
    ]
    send(settings, [(settings.topics.changes, each["profile_id"], each) for each in many], transaction=True)
    return many


def fold(members: set[str], changes: list[dict[str, Any]]) -> set[str]:
    found = set(members)
    for each in changes:
        (found.add if each["change"] == "entered" else found.discard)(each["profile_id"])
    return found


def test_members_at_a_time_and_the_changes_after_it_are_everybody_now(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings
    with projecting(settings, tmp_path), running_api(settings, tmp_path) as api:
        assert api.post("/v1/segments", {"id": "vip", "where": {"trait": "x", "op": "exists"}}).status == 201
        asked: list[tuple[str, set[str], int]] = []
        published: list[dict[str, Any]] = []
        for start, end in ((0, 7), (7, 21), (21, 40), (40, 50)):
            published += publish(settings, start, end)
            time.sleep(0.05)
            asked.append((to_iso(time.time_ns() // 1_000_000), fold(set(), published), len(published)))
            time.sleep(0.05)
        wait_until_projected(settings)
        everybody = fold(set(), published)
        for at, expected, count in asked:
            first = api.get(f"/v1/segments/vip/members?as_of={at}&limit=3").json
            items = api.every(f"/v1/segments/vip/members?as_of={at}", 3)
            assert {each["profile_id"] for each in items} == expected
            assert api.get(f"/v1/segments/vip?as_of={at}").json["members"] == len(expected)
            assert api.get(f"/v1/segments?as_of={at}").json["items"][0]["members"] == len(expected)
            rest = [each for _, each in Stream(api, f"?after={first['after']}", 50 - count).all()]
            assert sorted(each["change_id"] for each in rest) == sorted(each["change_id"] for each in published[count:])
            assert fold(expected, rest) == everybody
        assert api.every("/v1/segments/vip/members?as_of=2020-01-01", 10) == []
        now = {each["profile_id"] for each in api.every("/v1/segments/vip/members", 10)}
        assert now == everybody
        assert api.get("/v1/segments/vip").json["members"] == len(everybody)
        assert api.get("/v1/segments/vip/members?as_of=yesterday").status == 400
        assert api.get("/v1/segments/vip?as_of=yesterday").status == 400
        deleted_segments_had_members(api, asked[1])


def deleted_segments_had_members(api: Api, asked: tuple[str, set[str], int]) -> None:
    assert api.ask("DELETE", "/v1/segments/vip").status == 204
    assert api.get("/v1/segments/vip/members").status == 404
    items = api.get(f"/v1/segments/vip/members?as_of={asked[0]}").json["items"]
    assert {each["profile_id"] for each in items} == asked[1]
