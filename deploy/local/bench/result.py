"""What a bench found: figures, the baselines they are held against, and the document that `--json` prints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, TypedDict


class Figure(TypedDict):
    """One number and its unit."""

    value: float
    unit: str


class Document(TypedDict):
    """`kith bench --json`. A ratio is figure / baseline of the same name; names without a baseline have none."""

    figures: dict[str, Figure]
    baselines: dict[str, Figure]
    ratios: dict[str, float]
    conditions: dict[str, Any]


@dataclass(slots=True)
class Result:
    """What one bench measured. `sizes` says how much it measured with; it becomes part of the conditions."""

    figures: dict[str, Figure] = field(default_factory=dict)
    baselines: dict[str, Figure] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, value: float, unit: str, baseline: float | None = None) -> None:
        """Add a figure and, where it has one, its baseline in the same unit."""
        self.figures[name] = {"value": _rounded(value), "unit": unit}
        if baseline is not None:
            self.baselines[name] = {"value": _rounded(baseline), "unit": unit}


def document_of(results: Mapping[str, Result], conditions: Mapping[str, Any]) -> Document:
    """Return the results of several benches, by name, as one document."""
    figures = _merged(result.figures for result in results.values())
    baselines = _merged(result.baselines for result in results.values())
    sizes = {name: result.sizes for name, result in results.items()}
    return {
        "figures": figures,
        "baselines": baselines,
        "ratios": {
            name: _rounded(figures[name]["value"] / baseline["value"])
            for name, baseline in baselines.items()
            if baseline["value"]
        },
        "conditions": {**conditions, "sizes": sizes},
    }


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed. Raises `ValueError` for none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there are no values")
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _merged(parts: Iterable[dict[str, Figure]]) -> dict[str, Figure]:
    return {name: figure for part in parts for name, figure in part.items()}


def _rounded(value: float) -> float:
    """Return four significant digits: nothing that is measured here is known better."""
    return float(f"{value:.4g}")
