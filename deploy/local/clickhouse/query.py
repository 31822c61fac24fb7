"""One statement in hand: everything that running it needs."""

import socket
from dataclasses import dataclass

from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane
from deploy.local.clickhouse.request import QueryRequest
from deploy.local.clickhouse.response import Response
from deploy.local.clickhouse.running import Registry, Running
from deploy.local.clickhouse.statement import Statement


@dataclass(slots=True)
class Query:
    """A statement, who asked for it and how, where it runs, and where its result goes."""

    request: QueryRequest
    text: bytes
    statement: Statement
    parameters: dict[str, str]
    lane: Lane
    running: Running
    registry: Registry
    response: Response
    client: socket.socket

    def sql(self, text: bytes | None = None) -> str:
        """Return the statement (or `text`) as chDB takes it; raises where it is not UTF-8."""
        try:
            return (self.text if text is None else text).decode()
        except UnicodeDecodeError as error:
            raise ClickHouseError(62, "SYNTAX_ERROR", f"Syntax error: the statement is not UTF-8: {error}") from error

    def send_progress(self) -> None:
        """Send how far the statement is; raises Disconnected."""
        self.response.progress(self.registry.figures(self.running))
