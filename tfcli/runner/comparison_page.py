"""A comparison as one web page that stands alone: a table to sort, curves, confusion matrices, what differs."""

import importlib.resources
import json
import math
from collections.abc import Sequence
from typing import Any

from tfcli.declare import plain
from tfcli.errors import CheckpointError
from tfcli.logging.run_directory import RunDirectory, read_object
from tfcli.models.monitors import is_maximized
from tfcli.runner.compared import ComparedRun
from tfcli.runner.comparison import Comparison
from tfcli.runner.differences import differences
from tfcli.runner.expressions import Column
from tfcli.runner.grouping import Estimate

_MOST_POINTS = 500
"""Longer curves are thinned out: a screen has no room for more."""
_DIGITS = 6
_ENVIRONMENT = ("started", "seed", "data", "git", "command", "directory")
"""What differs anyhow, or has a section of its own."""


def page(table: Comparison, short: Sequence[str]) -> str:
    """The page's text; `short`: what to call each column. Nothing that a spec holds becomes markup."""
    runs = [run for members in table.members for run in members]
    numbers = {id(run): number for number, run in enumerate(runs)}
    columns = [_column(column, runs, name) for column, name in zip(table.columns, short, strict=True)]
    spec = differences([run.spec for run in runs]) if runs else []
    data = differences([run.environment.get("data", {}) for run in runs]) if runs else []
    git = differences([run.environment.get("git") or {} for run in runs]) if runs else []
    environment = differences([run.environment for run in runs], _ENVIRONMENT) if runs else []
    sections = {"spec": spec, "data": data, "git": git, "environment": environment}
    metrics = sorted({name for run in runs for row in run.rows[:1] for name in row} - {"epoch", "step"})
    measured = [column.name for column in table.columns if column.name in metrics]
    value = {
        "columns": columns,
        "rows": [
            {
                "label": f"{len(members)} runs" if table.is_grouped else label,
                "path": str(members[0].path),
                "values": [_plain(item) for item in row],
                "runs": [numbers[id(run)] for run in members],
            }
            for label, row, members in zip(table.labels, table.values, table.members, strict=True)
        ],
        "runs": [_run(run, metrics, sections, number) for number, run in enumerate(runs)],
        "keys": {name: [key for key, _ in found] for name, found in sections.items()},
        "metrics": metrics,
        "metric": measured[0] if measured else None,
        "warnings": table.warnings,
    }
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    template = importlib.resources.files("tfcli").joinpath("pages/compare.html").read_text(encoding="utf-8")
    return template.replace("/*DATA*/", text.replace("<", "\\u003c"))


def _column(column: Column, runs: Sequence[ComparedRun], short: str) -> dict[str, Any]:
    measured = any(run.is_metric(column) for run in runs)
    kind = "metric" if measured else "setting" if "." in column.name or column.name == "seed" else "field"
    better = ("max" if is_maximized(column.name) else "min") if measured else None
    return {"name": str(column), "short": short, "kind": kind, "better": better}


def _run(
    run: ComparedRun, metrics: Sequence[str], sections: dict[str, list[tuple[str, list[Any]]]], number: int
) -> dict[str, Any]:
    every = math.ceil(len(run.rows) / _MOST_POINTS) or 1
    rows = run.rows[::every]
    epochs = [row["epoch"] for row in rows]
    return {
        "label": f"{run.info.name}/{run.info.id}",
        "epochs": None if epochs == list(range(1, len(epochs) + 1)) else epochs,
        "curves": {name: curve for name in metrics if (curve := _curve(rows, name))},
        "confusion": _confusion(run),
        **{name: [_plain(values[number]) for _, values in found] for name, found in sections.items()},
    }


def _curve(rows: Sequence[dict[str, Any]], name: str) -> list[float | None]:
    values = [_number(row.get(name)) for row in rows]
    return values if any(value is not None for value in values) else []


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(f"{value:.{_DIGITS}g}") if is_number else None


def _confusion(run: ComparedRun) -> dict[str, Any]:
    """The run's matrices by output; a damaged one is none."""
    plots = RunDirectory(run.path).plots
    found = {}
    for file in sorted(plots.glob("*confusion_matrix.json")):
        try:
            found[file.name.removesuffix("confusion_matrix.json").rstrip("_")] = read_object(file)
        except CheckpointError:
            continue
    return found


def _plain(value: Any) -> Any:
    """For JSON: an Estimate as its parts, what JSON has no number for as a text."""
    if isinstance(value, Estimate):
        return {"mean": _plain(value.mean), "interval": _plain(value.half_width), "count": value.count}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict | list):
        return json.loads(json.dumps(plain(value), default=str).replace("NaN", "null"))
    return value
