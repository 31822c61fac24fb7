"""Which policy a command is about, which one is in force, and following one on its way there."""

import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.operator_api import OperatorApi
from deploy.local.planning import Progress
from processors.identity.policy import Policy
from processors.identity.policy_file import policy_of
from processors.policy import load_policy
from schemas.errors import KithError
from schemas.settings import Settings

_POLL_S = 0.5
# What a state of the writer means to whoever waits for it.
_STATES = {
    "refolding": "reading the evidence under the new policy",
    "publishing": "publishing what differs",
    "clearing": "clearing up",
    "live": "waiting for the identity writer",
}


def chosen(settings: Settings, file: Path | None) -> Policy:
    """Return the policy of the given file, else that of the settings. Raises `KithError` without either."""
    path = file or settings.identity_policy
    if path is None:
        raise KithError("Which policy? Give --policy FILE, or set KITH_IDENTITY_POLICY.")
    return load_policy(path)


def in_force(api: OperatorApi) -> Policy:
    """Return the policy in force."""
    return policy_of(api.get("/v1/identity/policy")["applied"]["policy"])


def follow(api: OperatorApi, decision_id: str, progress: Progress, sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when the decision is in force and nothing of it is left to do. Raises `KithError` if another one is."""
    seen = False
    while True:
        found = api.get("/v1/identity/policy")
        ids = [decided["decision_id"] for decided in (found["applied"], found["wanted"]) if decided is not None]
        if decision_id in ids:
            seen = True
        elif seen:
            raise KithError("Another policy was decided meanwhile, and goes before: see `kith identity policy show`.")
        if ids == [decision_id] and found["state"] == "live":
            return
        progress(_STATES[found["state"]], round(found["progress"] * 100), 100)
        sleep(_POLL_S)
