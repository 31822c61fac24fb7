"""Two shards in one ClickHouse, without Keeper: what is planned, split and merged over shards is so in earnest.

Both shards of the cluster `shops` are this one server, so their rows lie in one table; a row policy shows to each shard
those that the sharding key gives it. `ON CLUSTER` and Replicated engines need Keeper, which the local stack's engine
does not have: `alone` takes them out of a statement, and with them the memory of insert tokens, because the two shards
of an insert share table and token here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from projections import clickhouse
from projections.placement import SHARDED, SHARDING_KEY
from schemas.settings import Settings
from tests.parts.clickhouse import ClickHouse, clickhouse_process

DATABASE = "sharded"
SHARDS = 2
_SHARD = "<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>"
_CLUSTER = f"""<clickhouse>
    <tcp_port>9000</tcp_port>
    <remote_servers><shops>{_SHARD * SHARDS}</shops></remote_servers>
</clickhouse>
"""
_POLICY = "<{0}><filter>shardNum() = 0 OR {1} % {2} + 1 = shardNum()</filter></{0}>"
_USERS = "<clickhouse><users><default><databases><{0}>{1}</{0}></databases></default></users></clickhouse>"
_REPLICATED = re.compile(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?([^()]*)\)")


@contextmanager
def clickhouse_with_shards(folder: Path) -> Iterator[ClickHouse]:
    """Run a ClickHouse that knows the cluster `shops`."""
    shadows = [f"{name}__shadow" for name in SHARDED]
    policies = "".join(_POLICY.format(f"{name}_local", SHARDING_KEY, SHARDS) for name in [*SHARDED, *shadows])
    for name, text in (("kith-config.d", _CLUSTER), ("kith-users.d", _USERS.format(DATABASE, policies))):
        extra = folder / "clickhouse" / name
        extra.mkdir(parents=True)
        (extra / "shards.xml").write_text(text)
    with clickhouse_process(folder) as running:
        yield running


def alone(statement: str) -> str:
    """Return a statement for a cluster as one for a server without Keeper; empty where nothing is left to do."""
    if statement.startswith("SYSTEM SYNC REPLICA"):
        return ""
    statement = statement.replace(" ON CLUSTER `shops`", "")
    statement = _REPLICATED.sub(lambda match: f"{match[1]}({match[2]})", statement)
    return re.sub(r" replicated_deduplication_window = \d+", " non_replicated_deduplication_window = 0", statement)


class WithoutKeeper:
    """A client whose commands go through `alone`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def command(self, cmd: str, **options: Any) -> Any:
        statement = alone(cmd)
        return self._client.command(statement, **options) if statement else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def open_shards(settings: Settings) -> Any:
    """Return a client of a sharded database, brought to the newest version."""
    connect = clickhouse.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clickhouse, "connect", lambda *given: WithoutKeeper(connect(*given)))
        return clickhouse.open_database(settings)
