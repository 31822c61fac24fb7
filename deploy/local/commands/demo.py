"""`kith demo`: the whole path on real input."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(demo)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running.")] = False,
) -> None:
    """Start the stack, stream a real clickstream and a sample shop through it, show what came of it, and stop."""
    from rich.console import Console

    from deploy.local.demo import run_demo
    from schemas.settings import Settings

    run_demo(Settings(), keep, Console())
