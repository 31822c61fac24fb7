"""`kith wait`: returns when everything acknowledged before the call has gone all the way."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(wait)


def wait(
    timeout: Annotated[float, typer.Option(min=0, help="Seconds after which to give up.")] = 300.0,
) -> None:
    """Wait until identity, profiles, segments and ClickHouse hold everything acknowledged so far."""
    from deploy.local.caught_up import wait_until_caught_up
    from deploy.local.runtime import connected_settings
    from deploy.local.status import describe_lag

    missing = wait_until_caught_up(connected_settings(), timeout)
    for row in missing:
        typer.echo(describe_lag(row), err=True)
    if missing:
        raise typer.Exit(1)
