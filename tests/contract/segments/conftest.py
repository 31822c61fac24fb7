"""The engine itself, with Kith's tables, for a run of tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from projections.clickhouse import open_database
from schemas.settings import Settings
from tests.parts.clickhouse import running_clickhouse


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an empty, migrated database."""
    with running_clickhouse(tmp_path_factory.mktemp("clickhouse")) as (url, user, password):
        client = open_database(
            Settings(clickhouse_url=url, clickhouse_user=user, clickhouse_password=SecretStr(password))
        )
        yield client
        client.close()
