"""`kith send`: messages from files to the collector."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(send)


def send(
    files: Annotated[list[Path], typer.Argument(help="NDJSON, one message of Segment's shape a line; - reads stdin.")],
    source: Annotated[str, typer.Option(help="The source that the events are from.")] = "default",
    write_key: Annotated[str | None, typer.Option(help="Use this write key instead of the source's.")] = None,
) -> None:
    """Send messages as they are; exit 1 when a line is no message."""
    import asyncio

    from deploy.local.runtime import connected_settings
    from deploy.local.sending import Batch, send_batches
    from deploy.local.sending_bar import bar
    from deploy.local.sending_keys import collector_of
    from deploy.local.sending_lines import batches_of

    collector = collector_of(connected_settings(), source, write_key)
    faults = sent = 0

    def fault(file: str, line: int, wrong: str) -> None:
        nonlocal faults
        faults += 1
        typer.echo(f"{file}:{line}: {wrong}", err=True)

    with bar() as progress:
        task = progress.add_task("events", total=None, events=0)

        def done(batch: Batch[int]) -> None:
            nonlocal sent
            sent = batch.mark
            progress.update(task, events=sent)

        asyncio.run(send_batches(collector, "/v1/batch", batches_of(files, fault), done))
    typer.echo(f"{sent:,} events sent.")
    if faults:
        raise typer.Exit(1)
