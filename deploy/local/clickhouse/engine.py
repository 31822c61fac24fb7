"""The ClickHouse engine in this process: chDB started on one data folder, with a role for each user.

chDB authenticates every connection as its own user `default`. That user is given no rights, only the roles below;
a connection takes one of them (`SET ROLE`), so the engine itself refuses what a role may not do. Who may take which
role is decided by `users.py`. The engine knows the owner by name and password too: dictionaries sign in to it so.
"""

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from chdb import _chdb as _untyped

from deploy.local.clickhouse.errors import ClickHouseError, from_engine

_chdb: Any = _untyped  # its stub lacks most of what it has

OWNER, ANALYST, TRANSFORMER = "owner", "analyst", "transformer"
# The databases that the transformer owns: these, and those whose names begin so, as dbt names its schemas.
MARTS = "marts"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONFIG = """<clickhouse>
    <users_config>{users}</users_config>
    <max_concurrent_queries>0</max_concurrent_queries>
</clickhouse>
"""

# The analyst's and the transformer's limits are constraints: the engine refuses larger values.
_USERS = """<clickhouse>
    <profiles>
        <default>
            <implicit_select>0</implicit_select>
        </default>
        <owner>
            <max_execution_time>{seconds}</max_execution_time>
            <max_memory_usage>{memory}</max_memory_usage>
        </owner>
        <analyst>
            <max_execution_time>{seconds}</max_execution_time>
            <max_memory_usage>{memory}</max_memory_usage>
            <constraints>
                <max_execution_time><min>0.001</min><max>{seconds}</max></max_execution_time>
                <max_memory_usage><min>1</min><max>{memory}</max></max_memory_usage>
            </constraints>
        </analyst>
        <transformer>
            <max_execution_time>{seconds}</max_execution_time>
            <max_memory_usage>{memory}</max_memory_usage>
            <constraints>
                <max_execution_time><min>0.001</min><max>{seconds}</max></max_execution_time>
                <max_memory_usage><min>1</min><max>{memory}</max></max_memory_usage>
                <default_normal_view_sql_security><const/></default_normal_view_sql_security>
                <default_view_definer><const/></default_view_definer>
            </constraints>
        </transformer>
    </profiles>
    <quotas><default/></quotas>
    <roles>
        <owner><grants>
            <query>GRANT ALL ON *.* WITH GRANT OPTION</query>
            <query>REVOKE SYSTEM SHUTDOWN ON *.*</query>
        </grants></owner>
        <analyst><grants>
            <query>GRANT SELECT, SHOW, CREATE TEMPORARY TABLE, dictGet ON *.*</query>
        </grants></analyst>
        <transformer><grants>
            <query>GRANT SELECT, SHOW, CREATE TEMPORARY TABLE, dictGet ON *.*</query>
            <query>GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, ALTER, DROP ON {marts}*.*</query>
            <query>GRANT INSERT, TRUNCATE, OPTIMIZE ON {marts}*.*</query>
        </grants></transformer>
    </roles>
    <users>
        <default>
            <password/>
            <networks><ip>127.0.0.1</ip><ip>::1</ip><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT owner</query><query>GRANT analyst</query><query>GRANT transformer</query>
            </grants>
        </default>
        <{owner}>
            <password_sha256_hex>{owner_key}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
            <profile>owner</profile>
            <quota>default</quota>
            <grants><query>GRANT owner</query></grants>
        </{owner}>
    </users>
</clickhouse>
"""


class Engine:
    """The running engine. `connect` gives independent connections; all of them run side by side."""

    def __init__(self, folder: Path, seconds: float, memory: int, owner: str, owner_password: str) -> None:
        """Start on `folder`, which this process then owns; `seconds` and `memory` bound each query by default.

        Raises ClickHouseError where another process has the folder, its data cannot be read, or the owner cannot be
        told from the engine's own user.
        """
        if owner == "default" or not _NAME.fullmatch(owner):
            raise ClickHouseError(36, "BAD_ARGUMENTS", f"KITH_CLICKHOUSE_USER cannot be {owner!r} here: take kith.")
        os.environ.setdefault("TZ", "UTC")
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        users, config = folder / "kith-users.xml", folder / "kith-config.xml"
        self.limits = {"max_execution_time": f"{seconds:g}", "max_memory_usage": str(memory)}
        owner_key = sha256(owner_password.encode()).hexdigest()
        users.touch(mode=0o600)
        users.write_text(
            _USERS.format(seconds=f"{seconds:g}", memory=memory, marts=MARTS, owner=owner, owner_key=owner_key)
        )
        config.write_text(_CONFIG.format(users=users))
        self.spool = folder / "tmp"
        self.files = folder / "user_files"
        self.files.mkdir(exist_ok=True)
        self._target = f"{folder}?config-file={config}"
        # The process has its own handlers; the engine's would end it without a clean stop.
        _chdb.set_signal_handlers_enabled(0)
        self._first = self.connect()
        self.spool.mkdir(exist_ok=True)
        row = self.rows(self._first, "SELECT version(), timezone(), hostName()")[0]
        self.version, self.timezone, self.host = f"{row[0]} (official build)", row[1], row[2]

    def connect(self) -> Any:
        """Return a new chDB connection. It may be used by one thread at a time."""
        try:
            return _chdb.connect(self._target)
        except RuntimeError as error:
            raise from_engine(str(error), "default") from error

    @staticmethod
    def rows(connection: Any, sql: str) -> list[list[str]]:
        """Return the rows of a small query as unescaped text (no tabs or line breaks inside values)."""
        try:
            text: str = connection.query(sql, "TabSeparatedRaw").bytes().decode()
        except RuntimeError as error:
            raise from_engine(str(error), "default") from error
        return [line.split("\t") for line in text.splitlines()]

    def close(self) -> None:
        """Stop the engine; every other connection must be closed before."""
        self._first.close()


def check_single(connection: Any, sql: str) -> str:
    """Return the engine's own class of the statement: READ_ONLY, MUTATING, MUTATING_GLOBAL or CONTROL.

    UNKNOWN is what it cannot parse. Raises ClickHouse's error for more than one statement.
    """
    try:
        verdict = connection.classify_query(sql)
    except RuntimeError as error:
        raise from_engine(str(error), "default") from error
    if verdict["statement_count"] > 1:
        raise ClickHouseError(62, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
    return str(verdict["query_class"].name)
