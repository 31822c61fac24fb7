"""YAML of strangers, as plain values: no aliases, which can stand for more than memory holds, and no surprises."""

from typing import Any

import yaml

from schemas.errors import KithError


class _Plain(yaml.SafeLoader):
    """Refuses aliases: a few lines of them can mean billions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)


def load(text: str, name: str) -> Any:
    """Return the value of a YAML (or JSON) document; `name` is for messages.

    Raises `KithError`, with the line, for what is none, nests too deep, or has aliases.
    """
    try:
        return yaml.load(text, _Plain)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise KithError(f"{name} is no valid YAML{line}: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise KithError(f"{name} is no valid YAML: {error}") from error
    except RecursionError as error:
        raise KithError(f"{name} nests too deep.") from error
