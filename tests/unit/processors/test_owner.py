"""A unit that is taken away while it opens: nothing of it goes on behind its next owner's back."""

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from faust.types import TP

from processors import owner as owners
from processors.owner import Owner
from processors.store import Store
from schemas.settings import Settings


class Slow:
    """A producer whose transactional id is not initialised before it is told to."""

    entered, goes_on = Event(), Event()
    opened = 0

    def __init__(self, *_: str) -> None:
        pass

    def open(self) -> None:
        Slow.opened += 1
        Slow.entered.set()
        assert Slow.goes_on.wait(30)


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owner:
    monkeypatch.setattr(Slow, "entered", Event())
    monkeypatch.setattr(Slow, "goes_on", Event())
    monkeypatch.setattr(Slow, "opened", 0)
    monkeypatch.setattr(owners, "UnitProducer", Slow)

    def no_consumer() -> Any:
        raise AssertionError("nothing is read")

    return Owner(Settings(data_dir=tmp_path), no_consumer)


@pytest.mark.parametrize("is_restoring", [False, True])
async def test_a_unit_that_is_taken_away_while_it_opens_is_let_go_when_nothing_goes_on(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, is_restoring: bool
) -> None:
    restoring = Event()

    def restore(_: str, __: Store, ___: Any, progress: Any) -> int:
        restoring.set()
        while True:
            progress(0, 1)

    monkeypatch.setattr(owners, "restore", restore)
    settings = owner._settings
    tps = {TP(topic, 0) for topic in settings.topics.partition_inputs()}
    owner.definitions.caught_up.set()
    await owner.assigned(tps)
    await asyncio.to_thread(Slow.entered.wait, 30)
    if is_restoring:
        Slow.goes_on.set()
        await asyncio.to_thread(restoring.wait, 30)
    revoking = asyncio.create_task(owner.revoked(tps))
    if not is_restoring:
        await asyncio.sleep(0.05)
        assert not revoking.done(), "the id may still be initialised"
        Slow.goes_on.set()
    await asyncio.wait_for(revoking, 30)
    assert Slow.opened == 1
    assert restoring.is_set() is is_restoring
    # Nobody holds it.
    Store(settings.store_dir / "0").close()
