"""Senders that stop in the middle are let go, and nobody else is."""

import asyncio

import pytest

from ingest.budget import Budget, UnavailableError
from ingest.patience import Patience


async def test_who_takes_too_long_is_let_go() -> None:
    patience = Patience(0.05)
    patience.start()
    try:
        with pytest.raises(TimeoutError), patience.waiting():
            await asyncio.sleep(30)
        # The task goes on as if nothing had been.
        await asyncio.sleep(0)
        with patience.waiting():
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
    finally:
        await patience.stop()


async def test_who_is_cancelled_by_others_is_cancelled() -> None:
    patience = Patience(30)

    async def wait() -> None:
        with patience.waiting():
            await asyncio.sleep(30)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_errors_inside_pass_through_and_are_forgotten() -> None:
    patience = Patience(0.02)
    patience.start()
    try:
        with pytest.raises(ValueError, match="mine"), patience.waiting():
            raise ValueError("mine")
        await asyncio.sleep(0.1)
    finally:
        await patience.stop()


def test_budget() -> None:
    budget = Budget(10)
    budget.take(6)
    with pytest.raises(UnavailableError):
        budget.take(5)
    assert budget.held == 6
    budget.take(4)
    budget.give(10)
    assert budget.held == 0
