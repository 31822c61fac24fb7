"""Who may come in, as whom, and what the users that do not own the stack may say.

The engine enforces the roles. What it cannot see, because all connections are one engine user in a process that may
read every file, is refused here: changing the role, the function `file`, statements inside strings, other people's
statements in `system`; and for the user that writes, what would run later with the rights of that one engine user.
"""

import re
from hmac import compare_digest

from deploy.local.clickhouse.creating import check_creation
from deploy.local.clickhouse.engine import ANALYST, OWNER, TRANSFORMER
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.lexer import Token, tokens

# Names that these users may not use in any way, not even as a column: functions may be passed around by name.
_FORBIDDEN = frozenset(
    [
        *(b"file", b"executable", b"python", b"arrowstream"),  # what lies outside the engine
        *(b"eval", b"dialect"),  # statements that are not read here
        *(b"merge", b"loop"),  # tables named inside strings
        # Other people's statements. A grant does not keep anybody from tables of `system`.
        *(b"processes", b"processlist", b"errors", b"query_cache", b"asynchronous_inserts", b"stack_trace"),
    ]
)
_AI = re.compile(rb"(?:ai|AI)[A-Z][A-Za-z]+")  # functions that ask a language model somewhere


class Users:
    """The users and their passwords; without a password there is no `analyst`, and no `transformer`."""

    def __init__(self, owner: str, owner_password: str, analyst_password: str, transformer_password: str = "") -> None:
        self._known = {owner: (owner_password.encode(), OWNER)}
        for role, password in ((ANALYST, analyst_password), (TRANSFORMER, transformer_password)):
            if password:
                self._known[role] = (password.encode(), role)

    def role(self, user: str, password: str) -> str:
        """Return the role of this user; raises AUTHENTICATION_FAILED. A wrong name takes as long as a wrong key."""
        expected, role = self._known.get(user, (b"\x00no such user", ""))
        if not compare_digest(expected, password.encode("utf-8", "surrogateescape")) or not role:
            text = f"{user}: Authentication failed: password is incorrect, or there is no user with such name"
            raise ClickHouseError(516, "AUTHENTICATION_FAILED", text)
        return role


def check_guest(
    role: str, statement: bytes, engine_class: str, parameters: dict[str, str], settings: dict[str, str]
) -> None:
    """Raise unless the analyst or the transformer may hand this statement, with all that comes with it, to the engine.

    `engine_class` is the engine's own judgement of the statement, see `engine.check_single`.
    """
    found = list(tokens(statement))
    words = [token.text.strip(b'`"') for token in found if token.kind in ("word", "name")]
    # A value names something only where the statement takes it for an identifier.
    names = parameters.values() if any(word.lower() == b"identifier" for word in words) else ()
    words += [value.encode("utf-8", "surrogateescape") for value in (*names, *settings)]
    for word in words:
        if word.lower() in _FORBIDDEN or _AI.fullmatch(word):
            _deny(role, f"the name {word.decode('ascii', 'replace')!r} is not available to this user")
    if any(token.kind == "name" and b"\\" in token.text for token in found):
        _deny(role, "names with escapes are not available to this user")
    if engine_class == "CONTROL" and not _plain_set(found):
        _deny(role, "a connection's role is not this user's to change")
    if found and found[0].upper == b"KILL":
        _deny(role, "this user may stop its own queries by KILL QUERY WHERE query_id = '…' only")
    if role == TRANSFORMER and (why := check_creation(found)):
        _deny(role, why)


def _plain_set(found: list[Token]) -> bool:
    """Return whether a statement that changes the connection is one of the harmless ones."""
    words = [token.upper for token in found[:3]]
    if words[:1] == [b"USE"] or words[:2] in ([b"CREATE", b"TEMPORARY"], [b"DROP", b"TEMPORARY"]):
        return True
    return words[:1] == [b"SET"] and words[2:] == [b"="] and found[1].kind == "word"


def _deny(role: str, why: str) -> None:
    raise ClickHouseError(497, "ACCESS_DENIED", f"{role}: Not enough privileges: {why}")
