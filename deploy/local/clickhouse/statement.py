"""What a statement is and where its parts lie: what has a result, which format it names, where an insert's data begins.

A pure reading of the text. Statements are validated by the engine alone; what is not understood here is simply handed
to it as it is.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from deploy.local.clickhouse.lexer import Token, tokens

# Statements whose result may be of any size. The engine writes it into a pipe by INTO OUTFILE, which only these take.
_SELECTS = {b"SELECT", b"WITH", b"FROM"}
# Statements that have a (small) result.
_ANSWERS = {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN", b"CHECK", b"KILL", b"BACKUP", b"RESTORE"}
# Statements that change the connection they run on.
_STATEFUL = {b"SET", b"USE"}


class Shape(Enum):
    """How a statement is run."""

    SELECT = "select"  # a result of any size: streamed
    ANSWER = "answer"  # a small result
    INSERT = "insert"  # data follows the statement
    EFFECT = "effect"  # no result: DDL, INSERT SELECT, SET


@dataclass(frozen=True, slots=True)
class Statement:
    """Where the parts of a statement are, as byte offsets into its text."""

    shape: Shape
    keyword: str  # the first word in capitals; empty for an empty statement
    end: int  # end of the last token that is not a semicolon; of the INSERT without its FORMAT for Shape.INSERT
    outfile: int  # where INTO OUTFILE may be put in
    format: str | None = None  # FORMAT named in the text
    data: int = 0  # where the data of an INSERT begins
    input: tuple[int, int] | None = None  # the word `input` of an INSERT that reads input()
    stateful: bool = False  # changes settings, database or temporary tables of its connection
    refused: str | None = None  # what makes it unfit for HTTP: "outfile", "infile", "many", "python"


@lru_cache(maxsize=4096)
def read_cached(text: bytes) -> Statement:
    """Return `read(text)`, remembered: parameterised statements repeat."""
    return read(text)


def read(text: bytes) -> Statement:
    """Return what the statement at the beginning of `text` is. The data of an INSERT is not looked at."""
    seen: list[Token] = []
    for token in tokens(text):
        if token.kind == "word" and not seen and token.upper == b"INSERT":
            return _insert(text)
        if token.text != b"(" or seen:
            seen.append(token)
    while seen and seen[-1].text == b";":
        seen.pop()
    if not seen:
        return Statement(Shape.EFFECT, "", 0, 0)
    keyword, end = seen[0].upper, seen[-1].end
    refused = _refused(seen)
    if keyword in _SELECTS and not _inserts(seen):
        named = _format(seen)
        at = named.start if named else end
        name = _name_after(seen, named)
        return Statement(Shape.SELECT, keyword.decode(), end, at, name, refused=refused)
    shape = Shape.ANSWER if keyword in _ANSWERS else Shape.EFFECT
    stateful = keyword in _STATEFUL or (b"TEMPORARY", b"TABLE") in pairwise(token.upper for token in seen[:6])
    named = _format(seen) if shape is Shape.ANSWER else None
    word = keyword.decode("ascii", "replace") if seen[0].kind == "word" else ""
    return Statement(shape, word, end, end, _name_after(seen, named), stateful=stateful, refused=refused)


def _insert(text: bytes) -> Statement:
    """Return an INSERT: its data begins after `FORMAT name` or `VALUES`; without them it is an INSERT SELECT."""
    seen: list[Token] = []
    input_at: tuple[int, int] | None = None
    selects = infile = many = False
    for token in tokens(text):
        before = seen[-1] if seen else None
        earlier = seen[-2].upper if len(seen) > 1 else b""
        seen.append(token)
        many = many or token.text == b";"
        if before is None or before.kind != "word":
            pass
        elif before.upper == b"INPUT" and token.text == b"(" and selects:
            input_at = (before.start, before.end)
        elif before.upper == b"FROM" and token.upper == b"INFILE":
            infile = True
        elif (
            before.upper == b"FORMAT"
            and token.kind in ("word", "name")
            and token.depth == 0
            and earlier not in (b"INTO", b"TABLE", b".")
            and (input_at or not selects)
        ):
            name = token.text.strip(b'`"').decode()
            refused = "many" if many else "infile" if infile else None
            at, data = before.start, _data_after(text, token.end)
            return Statement(Shape.INSERT, "INSERT", at, at, name, data, input_at, refused=refused)
        if token.kind == "word":
            selects = selects or token.upper in (b"SELECT", b"WITH")
            if token.depth == 0 and token.upper == b"VALUES" and not selects and len(seen) > 3:
                refused = "many" if many else None
                return Statement(Shape.INSERT, "INSERT", token.start, token.start, "Values", token.end, refused=refused)
    while seen and seen[-1].text == b";":
        seen.pop()
    return Statement(Shape.EFFECT, "INSERT", seen[-1].end, seen[-1].end, refused=_refused(seen))


def _data_after(text: bytes, position: int) -> int:
    """Return where data begins after the format's name: after blanks and at most one line break, as in the engine."""
    if text[position : position + 1] == b";":
        position += 1
    while text[position : position + 1] in (b" ", b"\t", b"\f"):
        position += 1
    for line_break in (b"\r", b"\n"):
        if text[position : position + 1] == line_break:
            position += 1
    return position


def _format(seen: list[Token]) -> Token | None:
    """Return the word FORMAT of the last clause, if there is one: a name and at most SETTINGS follow it."""
    for index in range(len(seen) - 2, 0, -1):
        token = seen[index]
        if token.depth or token.kind != "word" or token.upper != b"FORMAT":
            continue
        follows = seen[index + 2].upper if index + 2 < len(seen) else b""
        if seen[index + 1].kind in ("word", "name") and follows in (b"", b"SETTINGS"):
            return token
    return None


def _name_after(seen: list[Token], named: Token | None) -> str | None:
    return None if named is None else seen[seen.index(named) + 1].text.strip(b'`"').decode()


def _inserts(seen: list[Token]) -> bool:
    return any(token.depth == 0 and token.upper == b"INSERT" for token in seen)


def _refused(seen: list[Token]) -> str | None:
    for before, token in pairwise(seen):
        if token.text == b";" or before.text == b";":
            return "many"
        if before.upper == b"INTO" and token.upper == b"OUTFILE":
            return "outfile"
        if before.upper == b"FROM" and token.upper == b"INFILE":
            return "infile"
        if before.upper.strip(b'`"') == b"PYTHON" and token.text == b"(":
            return "python"
    return None
