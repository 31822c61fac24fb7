"""One ClickHouse for the contract tests of the projections and the API; a database and topics of one's own."""

import uuid
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from deploy.local.topics import ensure_topics
from schemas.settings import Settings
from tests.parts.clickhouse import ANALYST_PASSWORD, PASSWORD, TRANSFORMER_PASSWORD, USER, clickhouse_process


def settings_of(url: str) -> Settings:
    """Settings with a database that is not there yet, and no Kafka."""
    return Settings(
        clickhouse_url=url,
        clickhouse_user=USER,
        clickhouse_password=SecretStr(PASSWORD),
        analyst_password=SecretStr(ANALYST_PASSWORD),
        transformer_password=SecretStr(TRANSFORMER_PASSWORD),
        clickhouse_database=f"test_{uuid.uuid4().hex[:12]}",
        api_tokens="test-token",
    )


@pytest.fixture(scope="session")
def archive_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a ClickHouse for this run."""
    with clickhouse_process(tmp_path_factory.mktemp("archive")) as running:
        yield running.url


@pytest.fixture(scope="session")
def shared_settings(archive_url: str) -> Settings:
    """Settings with a database that the tests of a run share."""
    return settings_of(archive_url)


@pytest.fixture
def stack_settings(archive_url: str, kafka: str, topic_prefix: str) -> Settings:
    """Settings with an empty database and empty topics of one's own."""
    settings = settings_of(archive_url).model_copy(update={"kafka_bootstrap": kafka, "topic_prefix": topic_prefix})
    ensure_topics(settings)
    return settings
