"""The API's longer SQL statements: `sql/<name>.sql`, each with `{name:Type}` parameters."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """Return the statement of that name."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
