"""`kith rebuild`: ClickHouse's tables made anew from the log, on a running stack."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebuild)


def rebuild(
    only: Annotated[list[str] | None, typer.Option(help="Rebuild this projection only; may be repeated.")] = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Remove what an interrupted rebuild left, and rebuild nothing.")
    ] = False,
) -> None:
    """Make ClickHouse's tables anew from the log, beside the live ones, and exchange them.

    Events keep coming and every table stays readable. Stopped halfway, the next run goes on where this one stood.
    """
    from deploy.local.rebuilding import run_rebuild
    from deploy.local.runtime import connected_settings

    run_rebuild(connected_settings(), only or [], abandon)
