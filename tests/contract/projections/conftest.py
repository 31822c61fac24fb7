from collections.abc import Iterator

import pytest

from schemas.settings import Settings
from tests.parts.people import Writer


@pytest.fixture(scope="session")
def shared_writer(shared_settings: Settings) -> Iterator[Writer]:
    found = Writer(shared_settings)
    yield found
    found.client.close()


@pytest.fixture
def writer(shared_writer: Writer) -> Writer:
    """Writes into tables that are empty."""
    shared_writer.clear()
    return shared_writer


@pytest.fixture
def analyst(shared_settings: Settings) -> dict[str, str]:
    """The variables that an example reads."""
    return {
        "KITH_CLICKHOUSE_URL": shared_settings.clickhouse,
        "KITH_CLICKHOUSE_DATABASE": shared_settings.clickhouse_database,
        "KITH_ANALYST_PASSWORD": shared_settings.analyst_password.get_secret_value(),
    }
