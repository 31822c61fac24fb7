"""What `evaluate` finds, by name."""

from typing import Any, NamedTuple

from processors.segments import evaluate as hot


class Verdict(NamedTuple):
    """A truth by name; see `processors.segments.timeline`."""

    member: bool
    since: int | None
    next: int | None
    because: str | None


def evaluate(*args: Any, **kwargs: Any) -> dict[str, Verdict]:
    """Return what `processors.segments.evaluate.evaluate` returns, as verdicts."""
    return {id_: Verdict._make(truth) for id_, truth in hot.evaluate(*args, **kwargs).items()}
