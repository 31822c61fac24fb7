"""The stack's secrets: random on first use, kept in the data folder with mode 600, fixed by options and variables.

A variable or an option wins over what is stored, and is stored in its place, so that every later command in the same
folder (`kith send`, `kith wait`) uses what the running stack uses.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from schemas.errors import KithError
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """Write keys and API tokens are comma-separated where there are several."""

    write_keys: str
    api_tokens: str
    clickhouse_password: str
    analyst_password: str
    privacy_key: str = ""  # empty: stored by a version that had none
    transformer_password: str = ""  # the same

    @property
    def write_key(self) -> str:
        """Return the first write key."""
        return self.write_keys.split(",")[0].strip()

    @property
    def api_token(self) -> str:
        """Return the first API token."""
        return self.api_tokens.split(",")[0].strip()


def random_credentials() -> Credentials:
    """Return fresh secrets of 128 bits each."""
    return Credentials(
        write_keys=f"wk_{secrets.token_hex(16)}",
        api_tokens=f"at_{secrets.token_hex(16)}",
        clickhouse_password=secrets.token_hex(16),
        analyst_password=secrets.token_hex(16),
        privacy_key=secrets.token_hex(16),
        transformer_password=secrets.token_hex(16),
    )


def given_credentials(settings: Settings) -> dict[str, str]:
    """Return the secrets that variables fix."""
    given = {
        "write_keys": settings.write_keys,
        "api_tokens": settings.api_tokens,
        "clickhouse_password": settings.clickhouse_password.get_secret_value(),
        "analyst_password": settings.analyst_password.get_secret_value(),
        "privacy_key": settings.privacy_key.get_secret_value(),
        "transformer_password": settings.transformer_password.get_secret_value(),
    }
    return {name: value for name, value in given.items() if value}


def load_credentials(path: Path) -> Credentials | None:
    """Return what is stored, or None on first use. Raises `KithError` when the file cannot be read."""
    try:
        stored = json.loads(path.read_bytes())
        given = {field.name: stored.get(field.name, field.default) for field in fields(Credentials)}
        if not all(isinstance(value, str) for value in given.values()):
            raise ValueError("a secret is missing")
        return Credentials(**given)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise KithError(
            f"{path} cannot be read ({type(error).__name__}). Remove it to get new secrets; "
            "what was created with the old ones then needs KITH_CLICKHOUSE_PASSWORD."
        ) from error


def settle_credentials(path: Path, settings: Settings) -> Credentials:
    """Return the secrets of this stack: given, else stored, else random; stored with mode 600 when they changed."""
    stored = load_credentials(path)
    kept = {} if stored is None else {name: value for name, value in asdict(stored).items() if value}
    settled = Credentials(**{**asdict(random_credentials()), **kept, **given_credentials(settings)})
    if settled != stored:
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(settled), file, indent=1)
        draft.replace(path)
    return settled
