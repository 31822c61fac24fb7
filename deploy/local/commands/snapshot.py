"""`kith snapshot` and `kith restore`: all that a stack holds, as one file and back."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(snapshot)
    app.command()(restore)


def snapshot(
    file: Annotated[Path, typer.Argument(help="Where to, e.g. shop.kith; replaced if it is there.", dir_okay=False)],
) -> None:
    """Keep the whole stack in one file; a running one stops for that long, and is started again."""
    from deploy.local.snapshotting import take

    take(file, typer.echo)


def restore(
    file: Annotated[Path, typer.Argument(help="What `kith snapshot` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Put a snapshot into the data folder, which must hold no stack; `kith up` then starts it."""
    from deploy.local.snapshotting import put_back

    put_back(file, typer.echo)
