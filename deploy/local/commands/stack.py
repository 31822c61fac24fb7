"""`kith up`, `down`, `status`: the life of the local stack."""

import json
import time
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
    write_key: Annotated[list[str] | None, typer.Option(help="Use this write key (may be repeated).")] = None,
    api_token: Annotated[list[str] | None, typer.Option(help="Use this API token (may be repeated).")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Number of workers.")] = 1,
) -> None:
    """Start the stack: Kafka, ClickHouse, collector, worker, projector, api."""
    from deploy.local.launch import start_detached, summary
    from deploy.local.stack import run_stack
    from schemas.settings import Settings

    given = {"write_keys": ",".join(write_key or ()), "api_tokens": ",".join(api_token or ())}
    settings = Settings().model_copy(update={name: value for name, value in given.items() if value})
    if detach:
        start_detached(settings, workers, typer.echo)
        typer.echo(summary(settings))
        return

    def show(step: str) -> None:
        typer.echo(step)
        if step == "Ready":
            typer.echo(summary(settings))
            typer.echo("Ctrl-C stops it.")

    run_stack(settings, workers, show)


def down(
    timeout: Annotated[float, typer.Option(help="Seconds to wait before everything is killed.")] = 90.0,
) -> None:
    """Stop the stack, in order; what was acknowledged is kept."""
    from deploy.local.launch import stop_running
    from schemas.settings import Settings

    typer.echo("Stopped." if stop_running(Settings(), timeout) else "Nothing runs here.")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what runs, how each process does and what lags; exit 1 unless all of it is ready."""
    from deploy.local.runtime import connected_settings
    from deploy.local.status import describe_status, read_status

    found = read_status(connected_settings(), time.time())
    typer.echo(json.dumps(found) if as_json else describe_status(found))
    if not found["ready"]:
        raise typer.Exit(1)
