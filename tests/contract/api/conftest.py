from collections.abc import Iterator

import pytest

from schemas.settings import Settings
from tests.contract.projections.plain import ZONE
from tests.parts.api import Api, running_api
from tests.parts.people import Writer


@pytest.fixture(scope="session")
def shared_writer(shared_settings: Settings) -> Iterator[Writer]:
    found = Writer(shared_settings)
    yield found
    found.client.close()


@pytest.fixture(scope="session")
def api(shared_settings: Settings, shared_writer: Writer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API over migrated tables and without Kafka."""
    settings = shared_settings.model_copy(
        update={
            "kafka_bootstrap": "127.0.0.1:9",
            "query_max_seconds": 2.0,
            "query_max_bytes": 100 << 20,
            "query_max_result_bytes": 8 << 20,
            "default_country": "FR",
            "timezone": ZONE,
        }
    )
    with running_api(settings, tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture
def writer(shared_writer: Writer) -> Writer:
    """Writes into the API's tables, which are empty."""
    shared_writer.clear()
    return shared_writer
