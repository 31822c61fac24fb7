"""One ClickHouse for the contract tests of the projections and the API; a database and topics of one's own for each."""

import uuid
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from deploy.local.topics import ensure_topics
from schemas.settings import Settings
from tests.parts.clickhouse import ANALYST_PASSWORD, PASSWORD, USER, clickhouse_process


@pytest.fixture(scope="session")
def archive_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a ClickHouse for this run."""
    with clickhouse_process(tmp_path_factory.mktemp("archive")) as running:
        yield running.url


@pytest.fixture
def database_settings(archive_url: str) -> Settings:
    """Settings with an empty database of one's own, and no Kafka."""
    return Settings(
        clickhouse_url=archive_url,
        clickhouse_user=USER,
        clickhouse_password=SecretStr(PASSWORD),
        analyst_password=SecretStr(ANALYST_PASSWORD),
        clickhouse_database=f"test_{uuid.uuid4().hex[:12]}",
        api_tokens="test-token",
    )


@pytest.fixture
def stack_settings(database_settings: Settings, kafka: str, topic_prefix: str) -> Settings:
    """Settings with an empty database and empty topics of one's own."""
    settings = database_settings.model_copy(update={"kafka_bootstrap": kafka, "topic_prefix": topic_prefix})
    ensure_topics(settings)
    return settings
