"""`kith logs`: what the processes of the stack say."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(logs)


def logs(
    name: Annotated[str | None, typer.Argument(help="A process, as `kith status` names it; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines of the past.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as they are written.")] = False,
) -> None:
    """Print the logs in the order of time."""
    from deploy.local.folder import DataFolder
    from deploy.local.logs import follow_lines, last_lines, log_files, readable
    from schemas.settings import Settings

    files = log_files(DataFolder.at(Settings().data_dir), name)
    for line in last_lines(files, lines):
        typer.echo(line if as_json else readable(line))
    if follow:
        try:
            for line in follow_lines(files):
                typer.echo(line if as_json else readable(line))
        except KeyboardInterrupt:
            return
