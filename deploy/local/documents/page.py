"""Markdown of generated pages: a title, the note that says how to change them, tables."""

from collections.abc import Iterable, Sequence


def page(title: str, source: str, *parts: str) -> str:
    """Return a page; `source` is the module that it is generated from."""
    note = f"<!-- Generated from `{source}` by `make documents`: change it there. -->"
    return "\n\n".join([f"# {title}", note, *parts]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a vertical bar in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
