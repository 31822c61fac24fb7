"""What the user `transformer` may create: tables that hold data, and views that read with the rights of who asks.

All connections are one user to the engine, and that user has every role. What runs later, for another's request or for
nobody's, would run with all of them: a Buffer writes as the server, a view may read as its definer. And a materialized
view runs inside the inserts of Kith's projector, which stop when it fails. So these are refused by what the statement
says; the engine's own grants refuse everything outside the transformer's databases.
"""

from itertools import pairwise

from deploy.local.clickhouse.lexer import Token

_ENGINES = frozenset([b"ATOMIC", b"LOG", b"MEMORY", b"NULL", b"JOIN", b"SET", b"STRIPELOG", b"TINYLOG"])
# `disk` in a table's settings may name any place, servers included.
_NAMES = {b"DEFINER": "a view's definer", b"DISK": "a disk of one's own"}
_RUNS_LATER = frozenset([b"MATERIALIZED", b"WINDOW", b"LIVE"])


def check_creation(found: list[Token]) -> str:
    """Return why the statement of these tokens is not the transformer's to say; empty where it is."""
    for token in found:
        if token.kind in ("word", "name") and (what := _NAMES.get(token.text.strip(b'`"').upper())):
            return f"{what} is not available to this user"
    if not found or found[0].upper not in (b"CREATE", b"REPLACE", b"ATTACH"):
        return ""
    for before, token in pairwise(found):
        if token.upper == b"VIEW" and before.upper in _RUNS_LATER:
            return f"a {before.text.decode().lower()} view would run inside the inserts of others"
    words = [token for token in found if token.depth == 0 and token.text != b"="]
    for before, token in pairwise(words):
        engine = token.text.strip(b'`"').upper()
        if before.upper == b"ENGINE" and engine not in _ENGINES and not engine.endswith(b"MERGETREE"):
            return f"{engine.decode('ascii', 'replace')} is no engine for this user: take one of the MergeTree family"
    return ""
