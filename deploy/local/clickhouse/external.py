"""Multipart bodies: external tables of one query (files), and the query or its parameters as form fields."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from deploy.local.clickhouse.connection import HttpRequest
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lane import Lane, quoted_name
from deploy.local.clickhouse.lexer import tokens
from deploy.local.clickhouse.request import format_name
from deploy.local.clickhouse.statement import read

_LARGEST = 256 << 20
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what becomes an error here


@dataclass
class Form:
    """A multipart body: `fields` are its plain values, `files` the data of external tables."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def read_form(request: HttpRequest) -> Form | None:
    """Return the multipart body of a request, or None where it has another kind of body."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return None
    form, part = Form(), _Part()

    def end() -> None:
        _, names = parse_options_header(part.headers.get(b"content-disposition", b""))
        name = names.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in names:
            form.files[name] = bytes(part.body)
        else:
            form.fields[name] = part.body.decode("utf-8", "surrogateescape")

    try:
        parser = MultipartParser(
            options.get(b"boundary", b""),
            {
                "on_part_begin": part.begin,
                "on_part_data": lambda data, start, stop: part.body.extend(data[start:stop]),
                "on_part_end": end,
                "on_header_field": lambda data, start, stop: part.name.extend(data[start:stop].lower()),
                "on_header_value": lambda data, start, stop: part.value.extend(data[start:stop]),
                "on_header_end": part.end_header,
            },
        )
        size = 0
        while chunk := request.read():
            size += len(chunk)
            if size > _LARGEST:
                raise ClickHouseError(229, "QUERY_IS_TOO_LARGE", "The form is larger than 256 MiB")
            parser.write(chunk)
        parser.finalize()
    except MultipartParseError as error:
        raise ClickHouseError(36, "BAD_ARGUMENTS", f"Cannot read the form: {error}") from error
    return form


class _Part:
    """The part of the form that is being read."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.name = bytearray()
        self.value = bytearray()

    def begin(self) -> None:
        """Forget the part before."""
        self.__init__()  # type: ignore[misc]

    def end_header(self) -> None:
        """Keep a header."""
        self.headers[bytes(self.name)] = bytes(self.value)
        self.name, self.value = bytearray(), bytearray()


@contextmanager
def external_tables(lane: Lane, form: Form, given: dict[str, str]) -> Iterator[None]:
    """Make the form's files temporary tables of this lane for one query.

    `given` are the URL's parameters: `<name>_structure` or `<name>_types`, and `<name>_format`.
    """
    made: list[str] = []
    lane.disposable = lane.disposable or bool(form.files)
    try:
        for name, data in form.files.items():
            structure = given.get(f"{name}_structure")
            if structure is None and (types := given.get(f"{name}_types")):
                structure = ", ".join(f"_{index} {kind}" for index, kind in enumerate(types.split(","), 1))
            if not structure:
                raise ClickHouseError(
                    36, "BAD_ARGUMENTS", f"Neither {name}_structure nor {name}_types have not been provided"
                )
            create = f"CREATE TEMPORARY TABLE {quoted_name(name)} ({structure}) ENGINE = Memory"
            if read(create.encode("utf-8", "surrogateescape")).refused or not _is_closed(structure):
                raise ClickHouseError(62, "SYNTAX_ERROR", f"Syntax error in the structure of external table {name}")
            lane.effect(create)
            made.append(name)
            lane.insert(
                f"INSERT INTO {quoted_name(name)}", format_name(given.get(f"{name}_format", "TabSeparated")), [data]
            )
        yield
    finally:
        for name in made:
            lane.effect(f"DROP TEMPORARY TABLE IF EXISTS {quoted_name(name)}")


def _is_closed(structure: str) -> bool:
    """Return whether the text keeps to its brackets: what it says is a list of columns and nothing after it."""
    depth = 0
    for token in tokens(structure.encode("utf-8", "surrogateescape")):
        depth += {b"(": 1, b")": -1}.get(token.text, 0) if token.kind == "other" else 0
        if depth < 0:
            return False
    return depth == 0
