"""Editing the sources file: every change keeps comments, order and `${…}` references, and leaves a file that is right.

A change is made on the text that is there, checked as the collector would check it, and put in place in one step, under
a lock: two commands at once, or one that is killed, lose nothing.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, Final

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from ingest.sources import Sources
from schemas.errors import KithError
from schemas.source import NO_SOURCES, Source, as_written, parse_sources

# The field that holds what a sender shows, or signs with, when it may have two of it.
_LISTS: Final = {"tracking": "write_keys"}
_KEPT: Final = 2
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./-]+")


class SourceEditor:
    """The sources file at `path`. Every method raises `KithError`, and changes nothing, when the result were wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096
        self._yaml.indent(mapping=2, sequence=4, offset=2)

    def sources(self) -> dict[str, Source]:
        """Return what the file names; `${…}` of variables that are not set here stay as they are."""
        return _checked(self._text())

    def add(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Add sources by name."""
        with self._changing() as sources:
            for name, entry in entries.items():
                if name == "default":
                    raise KithError("`default` is the source of KITH_WRITE_KEYS: give this one another name.")
                if name in sources:
                    raise KithError(f"There is a source {name!r} already: `kith source list` shows it.")
                sources[name] = _written(dict(entry))

    def rotate(self, name: str, new: str) -> str:
        """Make `new` the source's write key or secret and return the field that holds it.

        The one before stays valid until the next rotation, but for a secret in an address, of which there is one.
        """
        with self._changing() as sources:
            entry = self._entry(sources, name)
            field = _field(entry)
            if field == "url_secret":
                entry[field] = _text(new)
                return field
            known = entry.get(field, [])
            before = list(known) if isinstance(known, list) else [known]
            entry[field] = _flow([_text(new), *before][:_KEPT])
            return field

    def finish(self, name: str) -> int:
        """Let the newest write key or secret alone be valid; return how many were dropped."""
        with self._changing() as sources:
            entry = self._entry(sources, name)
            field = _field(entry)
            known = entry.get(field, [])
            if not isinstance(known, list) or len(known) < 2:
                return 0
            entry[field] = _flow(known[:1])
            return len(known) - 1

    def disable(self, name: str, disabled: bool) -> None:
        """Switch a source off or on."""
        with self._changing() as sources:
            entry = self._entry(sources, name)
            if disabled:
                entry["disabled"] = True
            else:
                entry.pop("disabled", None)

    def _entry(self, sources: CommentedMap, name: str) -> CommentedMap:
        if name in sources:
            entry: CommentedMap = sources[name]
            return entry
        known = ", ".join(map(str, sources)) or "none"
        raise KithError(f"There is no source {name!r} in {self._path}; there are: {known}.")

    @contextmanager
    def _changing(self) -> Iterator[CommentedMap]:
        """Hold the lock, give the entries to change, and write the file when it is right with the changes."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self._text()
            _checked(before)
            document = self._load(before)
            sources = document.setdefault("sources", CommentedMap())
            if sources is None:
                sources = document["sources"] = CommentedMap()
            if not sources:
                # `{}` would go on in one line.
                sources.fa.set_block_style()
            yield sources
            after = self._dump(document)
            _checked(after)
            if after != before:
                self._replace(after)
        finally:
            os.close(lock)

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return NO_SOURCES
        except (OSError, UnicodeDecodeError) as error:
            raise KithError(f"{self._path} cannot be read: {error}") from error

    def _load(self, text: str) -> CommentedMap:
        try:
            document = self._yaml.load(text)
        except YAMLError as error:
            raise KithError(f"{self._path} cannot be edited: {type(error).__name__}; mend it by hand.") from None
        return CommentedMap() if document is None else document

    def _dump(self, document: CommentedMap) -> str:
        written = StringIO()
        self._yaml.dump(document, written)
        return written.getvalue()

    def _replace(self, text: str) -> None:
        mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o600
        draft = self._path.with_name(f".{self._path.name}.draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(self._path)


def new_secret(kind: str) -> str:
    """Return a fresh write key or secret of 128 bits for a source of this kind."""
    return f"wk_{secrets.token_hex(16)}" if kind == "tracking" else secrets.token_hex(24)


def _field(entry: Mapping[str, Any]) -> str:
    """Return the field that says who may send."""
    if (field := _LISTS.get(str(entry.get("kind")))) is not None:
        return field
    return "url_secret" if "url_secret" in entry and "secrets" not in entry else "secrets"


def _checked(text: str) -> dict[str, Source]:
    sources = parse_sources(text, as_written(os.environ))
    Sources(sources)
    return sources


def _written(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return _flow([_written(item) for item in value])
    if isinstance(value, dict):
        made = CommentedMap()
        for key, item in value.items():
            made[key] = _written(item)
        return made
    return value


def _text(value: str) -> str:
    """Return text so that it is written as text: in quotes where an older YAML reads a number or a truth value."""
    return value if _PLAIN.fullmatch(value) and isinstance(yaml.safe_load(value), str) else _quoted(value)


def _quoted(value: str) -> str:
    quoted: str = DoubleQuotedScalarString(value)
    return quoted


def _flow(values: list[Any]) -> CommentedSeq:
    made = CommentedSeq(values)
    made.fa.set_flow_style()
    return made
