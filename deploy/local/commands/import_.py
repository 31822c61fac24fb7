"""`kith import`: a file of rows becomes events."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.codec import dumps

if TYPE_CHECKING:
    from deploy.local.importing import Chosen


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("import")(import_)


def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV or NDJSON, also gzipped, or Parquet.")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="YAML: which column becomes what; default: the file of that name beside it, else a guess."),
    ] = None,
    source: Annotated[str, typer.Option(help="The source that the events are from.")] = "default",
    write_key: Annotated[str | None, typer.Option(help="Use this write key instead of the source's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing: show the mapping and an example.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether a guessed mapping is right.")] = False,
) -> None:
    """Send the rows of a file as events of the past; a run that was interrupted goes on where it stopped."""
    import asyncio

    from deploy.local.importing import Import, Mark
    from deploy.local.runtime import connected_settings
    from deploy.local.sending_bar import bar
    from deploy.local.sending_keys import collector_of

    settings = connected_settings()
    job = Import(file, mapping, source, settings.data_dir / "imports")
    if job.chosen.guessed or dry_run:
        _show(job.chosen)
    if dry_run:
        return
    if job.chosen.guessed and not yes and sys.stdin.isatty():
        typer.confirm("Import it so?", abort=True, err=True)
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


def _show(chosen: "Chosen") -> None:
    """Print a mapping and what it makes of the first rows."""
    if chosen.guessed:
        typer.echo("# A guess. To correct it, write it to a file and name that with --mapping.", err=True)
    typer.echo(chosen.text, err=True)
    for message in chosen.examples:
        typer.echo(f"becomes {dumps(message).decode()}", err=True)
