"""The figures as a person reads them: a table, and under which conditions it holds."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from deploy.local.bench.result import Document, Figure
from deploy.local.bench.targets import TARGETS, Target

WIDTH = 110


def show(document: Document, console: Console) -> None:
    """Print the document as a table."""
    # A terminal may be narrower than the table, and a file has no width at all: nothing is cut.
    console.width = max(console.width, WIDTH)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("figure", "value", "baseline", "ratio", "floor", "goal", ""):
        table.add_column(heading, justify="left" if heading in ("figure", "") else "right", no_wrap=True)
    for row in rows(document):
        table.add_row(*row)
    console.print(table)
    conditions = document["conditions"]
    console.print(
        f"\n{conditions['cpu']}, {conditions['cores']} cores, load average at the start "
        f"{', '.join(map(str, conditions['load_average']))}, scale {conditions['scale']:g}",
        style="dim",
        highlight=False,
    )


def rows(document: Document) -> Iterator[tuple[str, ...]]:
    """Return one row of text per figure."""
    for name, figure in document["figures"].items():
        baseline, ratio = document["baselines"].get(name), document["ratios"].get(name)
        target = TARGETS.get(name)
        reached = None if target is None else ratio if target.of == "ratio" else figure["value"]
        yield (
            name,
            written(figure),
            written(baseline) if baseline else "",
            "" if ratio is None else f"{ratio:.2f}",
            _limit(target, target.floor) if target else "",
            _limit(target, target.goal) if target else "",
            target.verdict(reached) if target and reached is not None else "",
        )


def written(figure: Figure) -> str:
    """Return a figure with its unit."""
    value = figure["value"]
    return f"{value:,.0f} {figure['unit']}" if value >= 1000 else f"{value:.4g} {figure['unit']}"


def _limit(target: Target, limit: float) -> str:
    return f"{'≥' if target.better == 'more' else '≤'} {limit:.3g}"
