"""Why people are who they are, asked of the API and told in sentences."""

from typing import Any
from urllib.parse import quote

from deploy.local.operator_api import OperatorApi, Refused
from processors.identity.words import describe_apart, describe_path, describe_profile, refusal_in_words
from schemas.errors import KithError


def explain_profile(api: OperatorApi, key: str) -> list[str]:
    """Return the lines that explain the profile of whoever holds `key` (`type:value`). Raises `KithError`."""
    return describe_profile(key, _profile(api, key), api.get(f"{_path(key)}/explain"))


def explain_pair(api: OperatorApi, a: str, b: str) -> list[str]:
    """Return the lines that lead from `a` to `b`, or say why they are two people's. Raises `KithError`."""
    profiles = {key: _profile_if_any(api, key) for key in (a, b)}
    one, other = profiles[a], profiles[b]
    if one is None or other is None:
        return _without_activity(api, a if one is None else b, b if one is None else a)
    for key in (a, b):
        # A browser may have belonged to both, one after the other: either profile may know the way.
        try:
            found = api.get(f"{_path(key)}/explain", a=a, b=b)
        except Refused as error:
            if error.status != 404:
                raise
        else:
            return describe_path(a, b, (one if key == a else other)["profile_id"], found["path"])
    if one["profile_id"] == other["profile_id"]:
        raise KithError(f"{a} and {b} are of one profile; name two of its identifiers to see what lies between them.")
    refusals = [each for key in (a, b) for each in api.get(f"{_path(key)}/explain")["refusals"]]
    return describe_apart(a, b, (one, other), refusals)


def _without_activity(api: OperatorApi, missing: str, known: str) -> list[str]:
    """Return why an identifier that has no activity of its own was not joined with a known one.

    Raises `Refused` (404) where nothing about it was ever refused: then no event carries it, as far as that is known.
    """
    refusals = [
        refusal
        for refusal in api.get(f"{_path(known)}/explain")["refusals"]
        if missing.strip().lower() in [_text(refusal["a"]), _text(refusal["b"])]
    ]
    if not refusals:
        raise Refused(404, f"Nobody has the identifier {missing}.")
    first = f"{missing} is not of the person who has {known}, and has no activity of its own."
    return [first, *(f"  - {refusal_in_words(refusal)}" for refusal in refusals)]


def _text(identifier: dict[str, str] | None) -> str:
    return "" if identifier is None else f"{identifier['type']}:{identifier['value']}".lower()


def _profile_if_any(api: OperatorApi, key: str) -> dict[str, Any] | None:
    try:
        return _profile(api, key)
    except Refused as error:
        if error.status == 404:
            return None
        raise


def _profile(api: OperatorApi, key: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(_path(key))
    return found


def _path(key: str) -> str:
    return f"/v1/profiles/{quote(key, safe='')}"
