"""Why people are who they are, asked of the API and told in sentences."""

from typing import Any
from urllib.parse import quote

from deploy.local.operator_api import OperatorApi, Refused
from processors.identity.words import describe_apart, describe_path, describe_profile
from schemas.errors import KithError


def explain_profile(api: OperatorApi, key: str) -> list[str]:
    """Return the lines that explain the profile of whoever holds `key` (`type:value`). Raises `KithError`."""
    return describe_profile(key, _profile(api, key), api.get(f"{_path(key)}/explain"))


def explain_pair(api: OperatorApi, a: str, b: str) -> list[str]:
    """Return the lines that lead from `a` to `b`, or say why they are two people's. Raises `KithError`."""
    one, other = _profile(api, a), _profile(api, b)
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


def _profile(api: OperatorApi, key: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(_path(key))
    return found


def _path(key: str) -> str:
    return f"/v1/profiles/{quote(key, safe='')}"
