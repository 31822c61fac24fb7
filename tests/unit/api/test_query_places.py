"""How many queries run at once: a place becomes free, or the question is refused with a sentence."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from api.routes import query
from schemas.errors import Problem
from schemas.settings import Settings


def test_a_query_waits_for_a_place_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "_PATIENCE_S", 0.02)

    async def ask() -> None:
        state = SimpleNamespace(query_places=asyncio.Semaphore(1), settings=Settings(query_max_running=1))
        request: Any = SimpleNamespace(app=SimpleNamespace(state=state))
        async with query.place(request):
            with pytest.raises(Problem) as refused:
                async with query.place(request):
                    raise AssertionError
            assert (refused.value.status, refused.value.extra["limit"]) == (429, "queries")
        with pytest.raises(ValueError, match="failed"):
            async with query.place(request):
                raise ValueError("failed")
        async with query.place(request):
            pass

    asyncio.run(ask())
