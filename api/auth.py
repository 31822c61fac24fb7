"""Who may ask: bearers of one of `KITH_API_TOKENS`, each with a role.

An `admin` may do everything; an `operator` runs Kith (sources, dead letters) without seeing personal data. A token is
an admin's unless `:operator` follows it.
"""

from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Final, Literal, get_args

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.errors import KithError, Problem

Role = Literal["admin", "operator"]
_ROLES: Final[tuple[Role, ...]] = get_args(Role)


class Tokens:
    """The tokens that are accepted. Raises `KithError` when there is none, or one of a role that there is not."""

    def __init__(self, configured: str) -> None:
        self._roles = [_parsed(token.strip()) for token in configured.split(",") if token.strip()]
        if not self._roles:
            raise KithError("Nobody may use the API: set KITH_API_TOKENS to one or more long random texts.")

    def role_of(self, token: str) -> Role | None:
        """Return the role of `token`, None for a stranger's, in a time that says nothing about how near it came."""
        given = _digest(token)
        found: Role | None = None
        for digest, role in self._roles:
            if compare_digest(digest, given):
                found = role
        return found


_bearer = HTTPBearer(auto_error=False, description="One of `KITH_API_TOKENS`.")


async def known(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Role:
    """Return the role of who asks, or raise `Problem` (unauthorized)."""
    tokens: Tokens = request.app.state.tokens
    role = None if credentials is None else tokens.role_of(credentials.credentials)
    if role is None:
        raise Problem("unauthorized", "Send `Authorization: Bearer <token>` with one of the tokens of this API.")
    return role


Asking = Annotated[Role, Depends(known)]


async def authorised(role: Asking) -> None:
    """Let pass who may see personal data, or raise `Problem` (unauthorized, forbidden)."""
    if role != "admin":
        raise Problem("forbidden", f"A token with the role {role} may not see personal data: ask with an admin's.")


# Whoever has a token, whatever its role.
Known = Depends(known)
Authorised = Depends(authorised)


def _parsed(token: str) -> tuple[bytes, Role]:
    text, colon, named = token.rpartition(":")
    for role in _ROLES:
        if colon and named == role and text.strip():
            return _digest(text.strip()), role
    if colon:
        raise KithError(f"KITH_API_TOKENS: after a token's colon stands its role, one of {', '.join(_ROLES)}.")
    return _digest(token), "admin"


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
