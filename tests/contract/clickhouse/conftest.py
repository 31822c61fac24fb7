"""One ClickHouse for the tests of this folder, and the smallest of clients: bytes out, bytes in."""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.parts.clickhouse import (
    ANALYST_PASSWORD,
    PASSWORD,
    TRANSFORMER_PASSWORD,
    USER,
    ClickHouse,
    clickhouse_process,
)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> int:
        return int(self.headers.get("x-clickhouse-exception-code", "0"))


class Http:
    """Sends requests on connections of their own; parameters by keyword, headers in a dict."""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(
        self,
        method: str,
        path: str = "/",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        target = path + ("?" + urlencode(params) if params else "")
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        connection.close()
        return answer

    def query(self, sql: str, body: bytes | None = None, **params: Any) -> Answer:
        """Run `sql` as the owner: as the body, or in the URL where there is another body."""
        key = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
        if body is not None:
            return self.send("POST", body=body, headers=key, query=sql, **params)
        return self.send("POST", body=sql.encode(), headers=key, **params)

    def ask(self, sql: str, **params: Any) -> str:
        """Return the text of a query that must succeed."""
        answer = self.query(sql, **params)
        assert answer.status == 200, answer.text
        return answer.text

    def analyst(self, sql: str, **params: Any) -> Answer:
        """Run `sql` as the read-only user."""
        key = {"X-ClickHouse-User": "analyst", "X-ClickHouse-Key": ANALYST_PASSWORD}
        return self.send("POST", body=sql.encode(), headers=key, **params)

    def transformer(self, sql: str, **params: Any) -> Answer:
        """Run `sql` as the user that reads everything and writes the marts."""
        key = {"X-ClickHouse-User": "transformer", "X-ClickHouse-Key": TRANSFORMER_PASSWORD}
        return self.send("POST", body=sql.encode(), headers=key, **params)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with clickhouse_process(tmp_path_factory.mktemp("clickhouse")) as process:
        yield process


@pytest.fixture(scope="session")
def http_(clickhouse: ClickHouse) -> Http:
    return Http(clickhouse.port)


@pytest.fixture
def table(http_: Http, request: pytest.FixtureRequest) -> Iterator[str]:
    """A table of the test's own: a UInt64, b String."""
    name = f"t_{abs(hash(request.node.nodeid)):x}"
    http_.ask(f"CREATE TABLE {name} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    yield name
    http_.ask(f"DROP TABLE {name} SYNC")
