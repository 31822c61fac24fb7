"""Who may ask: bearers of one of `KITH_API_TOKENS`."""

from hashlib import sha256
from hmac import compare_digest
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.errors import KithError, Problem


class Tokens:
    """The tokens that are accepted. Raises `KithError` when there is none."""

    def __init__(self, configured: str) -> None:
        self._digests = [_digest(token.strip()) for token in configured.split(",") if token.strip()]
        if not self._digests:
            raise KithError("Nobody may use the API: set KITH_API_TOKENS to one or more long random texts.")

    def accept(self, token: str) -> bool:
        """Tell whether `token` is one of them, in a time that says nothing about how near it came."""
        given = _digest(token)
        found = False
        for digest in self._digests:
            found |= compare_digest(digest, given)
        return found


_bearer = HTTPBearer(auto_error=False, description="One of `KITH_API_TOKENS`.")


async def authorised(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> None:
    """Let the request pass, or raise `Problem` (unauthorized)."""
    tokens: Tokens = request.app.state.tokens
    if credentials is None or not tokens.accept(credentials.credentials):
        raise Problem("unauthorized", "Send `Authorization: Bearer <token>` with one of the tokens of this API.")


Authorised = Depends(authorised)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
