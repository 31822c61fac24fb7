"""`docs/commands.md`, from the command line itself."""

from typing import Any

from typer.main import get_command

from deploy.local.cli import build
from deploy.local.documents.page import page, table

INTRO = """\
`make install` puts the command at `.venv/bin/kith`. It works on the stack of one data folder, `KITH_DATA_DIR` (default
`.kith`); [settings](settings.md) has every variable, [operations](operations.md) the life of a stack."""


def documents() -> dict[str, str]:
    """Return the page with every command, its arguments and options."""
    sections = [_section(name, command) for name, command in _commands(get_command(build()), "kith")]
    return {"commands.md": page("Commands", "deploy/local/commands/", INTRO, *sections)}


# Typer's classes of commands and parameters are its own and have no public types.
def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    """Return every command with its full name; a group's are those inside of it."""
    if not hasattr(command, "commands"):
        return [(name, command)]
    inner = {key: each for key, each in sorted(command.commands.items()) if not each.hidden}
    return [found for key, each in inner.items() for found in _commands(each, f"{name} {key}")]


def _section(name: str, command: Any) -> str:
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    parts = [f"## `{' '.join([name, *map(_usage, parameters)])}`", (command.help or "").strip()]
    if parameters:
        parts.append(table(("argument", "meaning"), [_row(parameter) for parameter in parameters]))
    return "\n\n".join(parts)


def _usage(parameter: Any) -> str:
    if _is_option(parameter):
        longest = max(parameter.opts, key=len)
        return f"[{longest}]" if parameter.is_flag else f"[{longest} {parameter.name.upper()}]"
    name = f"{parameter.name.upper()}{'…' * (parameter.nargs == -1)}"
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> list[str]:
    names = parameter.opts if _is_option(parameter) else [parameter.name.upper()]
    meaning = parameter.help or ""
    if not parameter.required and not isinstance(parameter.default, bool | type(None)):
        meaning = f"{meaning} Default: `{parameter.default}`."
    return [", ".join(f"`{name}`" for name in names), meaning]


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))
