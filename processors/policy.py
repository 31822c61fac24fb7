"""The operator's policy file, read from disk."""

from pathlib import Path

from processors.identity.policy import Policy
from processors.identity.policy_file import PolicyError, parse_policy

_MOST_BYTES = 4 << 20


def load_policy(path: Path | None) -> Policy:
    """Return the policy of a file, or the built-in one without a file. Raises `PolicyError`, which names the file."""
    if path is None:
        return Policy.default()
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise PolicyError(f"the file is larger than {_MOST_BYTES >> 20} MB: that is no policy")
        return parse_policy(text.decode("utf-8"))
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise PolicyError(f"{path}, line {line}: this is not UTF-8 text; save the file as UTF-8.") from None
    except PolicyError as error:
        raise PolicyError(f"{path}, {error}", *error.place) from None
