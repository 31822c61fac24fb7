"""ClickHouse's lexical grammar, as far as needed to find where a statement's clauses begin and end.

The engine parses; this only cuts text into tokens as the engine's lexer does, so that a quote, a comment or a heredoc
is never mistaken for a clause.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"(?P<blank>[\s\x00]+|--[^\n]*|//[^\n]*|\#[ !][^\n]*)"
    rb"|(?P<comment>/\*)"
    rb"|(?P<string>'(?:[^'\\]|\\.|'')*')"
    rb'|(?P<name>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")'
    rb"|(?P<heredoc>\$\w*\$)"
    rb"|(?P<word>[A-Za-z_][A-Za-z0-9_$]*)"
    rb"|(?P<number>[0-9][A-Za-z0-9_]*)"
    rb"|(?P<other>.)",
    re.S,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_OPEN, _CLOSE = b"([{", b")]}"


class Token(NamedTuple):
    """One token of `text[start:end]`; `kind` is word, name, string, number or other; `depth` counts open brackets."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def upper(self) -> bytes:
        """Return the token in capitals: how keywords are compared."""
        return self.text.upper()


def tokens(text: bytes) -> Iterator[Token]:
    """Yield the tokens of `text`, blanks and comments left out; reads no further than it is asked to.

    An opening bracket and its closing one have the depth of what is around them.
    """
    position, depth = 0, 0
    while match := _TOKEN.match(text, position):
        kind, start, position = match.lastgroup or "other", position, match.end()
        if kind == "blank":
            continue
        if kind == "comment":
            position = _end_of_comment(text, position)
            continue
        if kind == "heredoc":
            closing = text.find(match[0], position)
            kind, position = ("string", closing + len(match[0])) if closing >= 0 else ("other", start + 1)
        value = text[start:position]
        if kind == "other" and value in _CLOSE:
            depth = max(0, depth - 1)
        yield Token(kind, value, start, position, depth)
        if kind == "other" and value in _OPEN:
            depth += 1


def _end_of_comment(text: bytes, position: int) -> int:
    """Return where the comment ends that began before `position`; comments nest, as in standard SQL."""
    nested = 1
    while nested:
        edge = _COMMENT_EDGE.search(text, position)
        if edge is None:
            return len(text)
        nested += 1 if edge[0] == b"/*" else -1
        position = edge.end()
    return position
