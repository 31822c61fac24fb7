"""Named sessions keep settings, database and temporary tables; requests without one keep nothing."""

import threading
import time
from typing import Any

from tests.contract.clickhouse.conftest import Http
from tests.parts.clickhouse import PASSWORD, USER


def test_a_session_keeps_temporary_tables_settings_and_database(http_: Http) -> None:
    session: dict[str, Any] = {"session_id": "keeps"}
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", **session)
    assert http_.query("INSERT INTO mine FORMAT CSV", b"5\n", **session).status == 200
    http_.ask("SET max_threads = 3", **session)
    http_.ask("USE system", **session)
    assert http_.ask("SELECT x, getSetting('max_threads'), currentDatabase() FROM mine", **session) == "5\t3\tsystem\n"
    assert http_.query("SELECT * FROM mine").code == 60
    assert http_.query("SELECT * FROM mine", session_id="another").code == 60
    assert http_.ask("SELECT currentDatabase()") == "default\n"


def test_a_request_does_not_change_its_session(http_: Http) -> None:
    session: dict[str, Any] = {"session_id": "unchanged"}
    sql = "SELECT getSetting('max_threads'), getSetting('max_block_size'), currentDatabase()"
    before = http_.ask(sql, **session)
    assert http_.ask(sql, max_threads=7, database="system", **session).startswith("7\t")
    assert http_.ask(sql, **session) == before
    http_.ask("SET max_threads = 3", **session)
    assert http_.ask(sql, max_threads=7, max_block_size=100, **session) == "7\t100\tdefault\n"
    assert http_.ask(sql, **session) == "3\t65409\tdefault\n"
    http_.ask("SET max_threads = 4", max_threads=9, **session)
    assert http_.ask(sql, **session) == "4\t65409\tdefault\n"


def test_an_error_leaves_the_session_as_it_was(http_: Http) -> None:
    session: dict[str, Any] = {"session_id": "errors"}
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", **session)
    assert http_.query("SELECT nope FROM mine", max_threads=2, **session).code == 47
    assert http_.query("INSERT INTO mine FORMAT CSV", b"1\nx\n", **session).code == 117
    assert http_.query("INSERT INTO mine FORMAT Native", b"nonsense", **session).status >= 400
    assert http_.query("SELECT 1", no_such_setting=2, **session).code == 115
    assert http_.query("SELECT 1", database="nowhere", **session).code == 81
    assert http_.ask("SELECT count(), currentDatabase() FROM mine", **session) == "0\tdefault\n"


def test_a_session_serves_one_request_at_a_time(http_: Http) -> None:
    slow = threading.Thread(target=http_.ask, args=("SELECT sleep(1)",), kwargs={"session_id": "busy"})
    slow.start()
    time.sleep(0.3)
    answer = http_.query("SELECT 1", session_id="busy")
    assert (answer.status, answer.code) == (500, 373)
    slow.join()
    for _ in range(20):  # free as soon as the answer is there
        assert http_.ask("SELECT 1", session_id="busy") == "1\n"


def test_sessions_end(http_: Http) -> None:
    assert http_.query("SELECT 1", session_id="unborn", session_check=1).code == 372
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", session_id="closed")
    http_.ask("SELECT 1", session_id="closed", close_session=1)
    assert http_.query("SELECT * FROM mine", session_id="closed").code == 60
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", session_id="short", session_timeout=1)
    time.sleep(1.2)
    assert http_.query("SELECT 1", session_id="short", session_check=1).code == 372
    assert http_.query("SELECT 1", session_id="x", session_timeout=3601).code == 374
    assert http_.query("SELECT 1", session_id="x", session_timeout="soon").code == 374


def test_sessions_belong_to_their_user(http_: Http) -> None:
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", session_id="named")
    assert http_.analyst("SELECT * FROM mine", session_id="named").code in (60, 497)
    assert http_.analyst("SELECT getSetting('readonly')", session_id="named").text == "2\n"


def test_get_in_a_session_only_reads(http_: Http) -> None:
    key = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
    http_.ask("CREATE TEMPORARY TABLE mine (x UInt8)", session_id="got")
    assert http_.send("GET", headers=key, query="SELECT count() FROM mine", session_id="got").text == "0\n"
    assert http_.send("GET", headers=key, query="DROP TABLE mine", session_id="got").code == 164
    assert http_.query("INSERT INTO mine FORMAT CSV", b"1\n", session_id="got").status == 200
