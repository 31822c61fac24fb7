"""`kith import`: a file of rows becomes events."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or NDJSON, also gzipped.")],
    mapping: Annotated[
        Path | None, typer.Option(help="YAML: which column becomes what; default: the file of that name beside it.")
    ] = None,
    source: Annotated[str, typer.Option(help="The source that the events are from.")] = "default",
    write_key: Annotated[str | None, typer.Option(help="Use this write key instead of the source's.")] = None,
) -> None:
    """Send the rows of a file as events of the past; a run that was interrupted goes on where it stopped."""
    import asyncio

    from deploy.local.importing import Import, Mark
    from deploy.local.runtime import connected_settings
    from deploy.local.sending_bar import bar
    from deploy.local.sending_keys import collector_of

    settings = connected_settings()
    job = Import(file, mapping, source, settings.data_dir / "imports")
    collector = collector_of(settings, source, write_key)
    with bar() as progress:
        task = progress.add_task(file.name, total=file.stat().st_size, events=0)

        def report(mark: Mark) -> None:
            progress.update(task, completed=mark.position, events=mark.progress.sent)

        result = asyncio.run(job.run(collector, report))
    if result.resumed:
        typer.echo(f"Went on after {result.resumed:,} rows that were sent before.")
    typer.echo(f"{result.progress.sent:,} events sent; `kith wait` returns when all of them have gone all the way.")
    if result.progress.faults:
        typer.echo(f"{result.progress.faults:,} rows make no event: {result.faults_path} has each, with why.", err=True)
        raise typer.Exit(1)
