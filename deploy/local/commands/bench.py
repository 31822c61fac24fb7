"""`kith bench`: figures of the path, beside baselines measured in the same run."""

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(bench)


def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]…", help="Benches; all without a name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    scale: Annotated[
        float, typer.Option(min=0.001, max=100, help="How much to measure with; 0.1 is a quick look.")
    ] = 1,
    listed: Annotated[bool, typer.Option("--list", help="Say which benches there are.")] = False,
) -> None:
    """Measure throughput, latency and memory on processes of its own; what runs elsewhere is not touched."""
    from rich.console import Console

    from deploy.local.bench.registry import BENCHES, choose
    from deploy.local.bench.report import show
    from deploy.local.bench.run import run_benches

    if listed:
        width = max(len(entry.name) for entry in BENCHES)
        for entry in BENCHES:
            typer.echo(f"{entry.name:<{width}}  {entry.summary}")
        return
    entries = choose(names or ())
    console = Console(stderr=True)
    with console.status("") as status:
        document = run_benches(entries, scale, lambda name, step: status.update(f"[bold]{name}[/]  {step}"))
    if as_json:
        typer.echo(json.dumps(document))
    else:
        show(document, Console())
