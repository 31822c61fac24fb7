"""The engine's messages become the server's."""

import pytest

from deploy.local.clickhouse.errors import ClickHouseError, from_engine


@pytest.mark.parametrize(
    ("message", "code", "name", "text"),
    [
        (
            "Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table t does not exist",
        ),
        (
            "Code: 452. DB::Exception: Code: 452. DB::Exception: Setting a shouldn't be greater than 7. "
            "(SETTING_CONSTRAINT_VIOLATION) (version 26.9.2.1). (SETTING_CONSTRAINT_VIOLATION)",
            452,
            "SETTING_CONSTRAINT_VIOLATION",
            "Setting a shouldn't be greater than 7",
        ),
        (
            "Code: 33. DB::Exception: Cannot read: While executing Native. (CANNOT_READ_ALL_DATA) (version 26.9.2.1)",
            33,
            "CANNOT_READ_ALL_DATA",
            "Cannot read: While executing Native",
        ),
        (
            "Code: 497. DB::Exception: default: Not enough privileges. (ACCESS_DENIED)",
            497,
            "ACCESS_DENIED",
            "ann: Not enough privileges",
        ),
        ("Code: 117. DB::Exception: x (at row 2)\n: y. (INCORRECT_DATA)", 117, "INCORRECT_DATA", "x (at row 2)\n: y"),
        ("something else", 1002, "UNKNOWN_EXCEPTION", "something else"),
        ("", 1002, "UNKNOWN_EXCEPTION", "Unknown exception"),
    ],
)
def test_messages(message: str, code: int, name: str, text: str) -> None:
    error = from_engine(message, "ann")
    assert (error.code, error.name, error.text) == (code, name, text)


def test_the_line_is_a_servers() -> None:
    line = ClickHouseError(60, "UNKNOWN_TABLE", "Table t does not exist").line("26.9.2.1 (official build)")
    assert line == (
        b"Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE) (version 26.9.2.1 (official build))"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [(62, 400), (194, 401), (516, 403), (497, 403), (60, 404), (115, 404), (159, 408), (48, 501), (241, 500), (1, 500)],
)
def test_statuses(code: int, status: int) -> None:
    assert ClickHouseError(code, "X", "x").status == status
