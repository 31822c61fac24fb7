"""Telling which variable is wrong when the settings do not validate, without showing a secret's value."""

from pydantic import ValidationError

from schemas.settings import Settings


def explain(error: ValueError) -> str | None:
    """Return one sentence per wrong `KITH_*` variable, or None when the error is not about settings."""
    if not isinstance(error, ValidationError) or error.title != Settings.__name__:
        return None
    return "\n".join(
        f"KITH_{'__'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}."
        for wrong in error.errors(include_input=False)
    )
