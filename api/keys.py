"""`{key}` in a path: `type:value`, URL-encoded, as the identifier that it names."""

from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from fastapi import Depends, Path, Request

from processors.identity.normalise import normalise
from schemas.errors import Problem
from schemas.identifier import Identifier, parse_key, seed_of
from schemas.settings import Settings

PROFILE_ID = "profile_id"
MAX_LENGTH = 2000


def identifier_of(key: str, country: str | None) -> Identifier | None:
    """Return the identifier that a key names, None when its value can name nobody (a blocked one, no phone number).

    Raises `Problem` (bad-request) for an unknown type, a missing value or a profile id that is no UUID.
    """
    if len(key) > MAX_LENGTH:
        raise Problem("bad-request", f"A key has at most {MAX_LENGTH} characters.")
    try:
        given = parse_key(key)
        if given.type == PROFILE_ID:
            return Identifier(PROFILE_ID, str(UUID(given.value)))
    except ValueError as error:
        raise Problem("bad-request", f"{error}.") from error
    return normalise(given.type, given.value, country)


def seed_for(identifier: Identifier) -> str:
    """Return the seed to look up: of a profile id it is the id itself, which is some identifier's seed."""
    return identifier.value if identifier.type == PROFILE_ID else seed_of(identifier)


def nobody(key: str) -> Problem:
    """Return the refusal for a key that nobody has."""
    return Problem("not-found", f"Nobody has the identifier {key}.")


async def _key(request: Request, key: Annotated[str, Path(description="`type:value`, URL-encoded.")]) -> Identifier:
    settings: Settings = request.app.state.settings
    text = unquote(key)
    identifier = identifier_of(text, settings.default_country)
    if identifier is None:
        raise nobody(text)
    return identifier


Key = Annotated[Identifier, Depends(_key)]
