"""Runs side by side: the keys of their specs that differ, and their metrics."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.declare import nearest
from tfcli.errors import SpecError, UnknownRunError
from tfcli.logging.listing import find_run, list_runs
from tfcli.models.monitors import is_maximized
from tfcli.runner.compared import FIELDS, ComparedRun
from tfcli.runner.differences import differences
from tfcli.runner.expressions import PICKS, Column, parse_condition
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec

_UNCOMPARED = ("name", "description", "tune")
"""What a run is called and searched with makes it no other experiment."""


@dataclass(frozen=True)
class Comparison:
    """A table: a row of `values` for each of `runs`, in the order of `columns`."""

    runs: list[ComparedRun]
    labels: list[str]
    columns: list[Column]
    values: list[list[Any]]
    warnings: list[str]


def collect(names: Sequence[str], logdir: Path) -> list[ComparedRun]:
    """The runs that `names` mean: run directories, folders of runs, studies (their trials), or names in `logdir`.

    Without names all runs in `logdir`. Raises UnknownRunError where there are none.
    """
    places = [_place(name, logdir) for name in names] or [logdir]
    infos = [info for place in places for info in list_runs(place, trials=(place / "study.json").is_file())]
    runs = {info.path.resolve(): ComparedRun(info) for info in infos if not info.is_study}
    if not runs:
        hint = "; name a study to compare its trials" if infos else ""
        raise UnknownRunError(f"there are no runs in {', '.join(names) or logdir}{hint}")
    return list(runs.values())


def _place(name: str, logdir: Path) -> Path:
    for path in (Path(name).expanduser(), logdir / name):
        if path.is_dir():
            return path
    return find_run(name, logdir)


def compare(
    runs: Sequence[ComparedRun],
    columns: Sequence[str] | None = None,
    where: str | None = None,
    sort: str | None = None,
) -> Comparison:
    """The table of `runs` for which the condition `where` holds (see `tfcli.runner.expressions`).

    `columns`: as in `best val_accuracy` or `optimizer.type`; default: the spec's keys that differ, and the metrics.
    `sort`: a column; metrics the best first, others the smallest first, and with `-` in front the other way round.
    Raises SpecError at an unknown name.
    """
    chosen = [run for run in runs if _holds(where, runs)(run)] if where is not None else list(runs)
    shown = [_known(parse_column(text), runs) for text in columns] if columns else default_columns(chosen)
    if sort is not None:
        chosen = _sorted(chosen, sort, runs)
    values = [[run.value(column) for column in shown] for run in chosen]
    return Comparison(chosen, _labels(chosen), shown, values, warnings(chosen))


def parse_column(text: str) -> Column:
    """`val_loss`, `min val_loss`, `optimizer.type`. Raises SpecError."""
    words = text.split()
    if len(words) == 2 and words[0] in PICKS:
        return Column(words[1], words[0])
    if len(words) != 1:
        raise SpecError(f"a column is a name, or one of {', '.join(PICKS)} and a metric's name; got {text!r}")
    return Column(words[0])


def _known(column: Column, runs: Iterable[ComparedRun]) -> Column:
    message = _unknown(column, runs)
    if message is not None:
        raise SpecError(message)
    return column


def _unknown(column: Column, runs: Iterable[ComparedRun]) -> str | None:
    """What is wrong with a column that no run has."""
    if any(run.has(column) for run in runs):
        return None
    metrics = sorted({name for run in runs for name in run.metric_names})
    if column.pick is not None:
        return (
            f"no run reports `{column.name}`; {nearest(column.name, metrics) or 'reported are: ' + ', '.join(metrics)}"
        )
    keys = {key for run in list(runs)[:20] for key in run.spec_keys}
    hint = nearest(column.name, [*metrics, *FIELDS, *sorted(keys)])
    return (
        f"no run has `{column.name}`; {hint or 'metrics are: ' + ', '.join(metrics) + '; a key of the spec is dotted'}"
    )


def _holds(where: str, runs: Sequence[ComparedRun]) -> Callable[[ComparedRun], bool]:
    condition = parse_condition(where)
    unknown = [(mark, _unknown(column, runs)) for column, mark in condition.columns]
    faults = [Diagnostic(mark, message, "a text stands in quotes") for mark, message in unknown if message]
    if faults:
        raise InvalidSpec(faults)
    return lambda run: condition.holds(run.value)


def _sorted(chosen: Sequence[ComparedRun], sort: str, runs: Sequence[ComparedRun]) -> list[ComparedRun]:
    column = _known(parse_column(sort.removeprefix("-")), runs)
    is_metric = any(run.is_metric(column) for run in runs)
    reverse = (is_metric and is_maximized(column.name)) != sort.startswith("-")
    valued = [(run, run.value(column)) for run in chosen]
    present = [(run, value) for run, value in valued if not _is_missing(value)]
    numbers = all(isinstance(value, int | float) for _, value in present)
    present.sort(key=lambda pair: pair[1] if numbers else str(pair[1]), reverse=reverse)
    return [run for run, _ in present] + [run for run, value in valued if _is_missing(value)]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def default_columns(runs: Sequence[ComparedRun]) -> list[Column]:
    """The state where not all are done, the spec's keys that differ, the best validation metrics, the test's, time."""
    names = list(dict.fromkeys(name for run in runs for name in run.metric_names))
    validation = [name for name in names if name.startswith("val_")]
    own = [name for name in names if not name.startswith(("val_", "test_"))]
    tested = [name for name in names if name.startswith("test_")]
    return [
        *([Column("state")] if any(run.info.state != "done" for run in runs) else []),
        *(Column(key) for key, _ in differences([run.spec for run in runs], _UNCOMPARED)),
        *(Column(name, "best") for name in validation or own),
        *map(Column, tested),
        Column("duration"),
    ]


def _labels(runs: Sequence[ComparedRun]) -> list[str]:
    """Paths from the nearest folder that holds all."""
    if len(runs) < 2:
        return [f"{run.info.name}/{run.info.id}" for run in runs]
    common = os.path.commonpath([run.path.resolve() for run in runs])
    return [os.path.relpath(run.path.resolve(), common) for run in runs]


def warnings(runs: Sequence[ComparedRun]) -> list[str]:
    """Why numbers of these runs may not be comparable."""
    found = [f"{run.path}: {run.problem}" for run in runs if run.problem]
    sound = [run for run in runs if not run.problem]
    if _differ(run.fingerprints for run in sound if run.fingerprints):
        found.append("the runs were trained on different data: their metrics are of different examples")
    elif _differ(run.split for run in sound):
        found.append("the data are split differently (data.split or the seed): metrics are of different examples")
    if _differ(run.spec.get("loss") for run in sound):
        found.append("the runs have different losses: loss and val_loss cannot be compared")
    reported = [run.metric_names for run in sound if run.metric_names]
    counts = Counter(name for names in reported for name in names)
    partial = sorted(name for name, count in counts.items() if count < len(reported))
    if partial:
        found.append(f"not every run reports {', '.join(partial)}")
    return found


def _differ(values: Iterable[Any]) -> bool:
    listed = list(values)
    return any(value != listed[0] for value in listed[1:])


@dataclass(frozen=True)
class Difference:
    """Two runs in detail: by section, the names whose values differ, with both values (all of the metrics)."""

    runs: tuple[ComparedRun, ComparedRun]
    sections: dict[str, list[tuple[str, Any, Any]]]
    warnings: list[str]


def diff(runs: Sequence[ComparedRun]) -> Difference:
    """Raises SpecError where these are not two."""
    if len(runs) != 2:
        raise SpecError(f"--diff takes two runs, got {len(runs)}; name both, as in `tfcli compare RUN RUN --diff`")
    first, second = runs
    metrics = list(dict.fromkeys([*first.metric_names, *second.metric_names]))
    columns = [Column(name) for name in metrics if name.startswith("test_")]
    columns += [Column(name, pick) for name in metrics if not name.startswith("test_") for pick in ("best", "last")]
    environments = [run.environment for run in runs]
    sections = {
        "spec": _pairs([run.spec for run in runs], ()),
        "data": _pairs([environment.get("data", {}) for environment in environments], ()),
        "git": _pairs([environment.get("git") or {} for environment in environments], ()),
        "environment": _pairs(environments, ("data", "git", "started", "seed")),
        "metrics": [(str(column), first.value(column), second.value(column)) for column in columns],
    }
    return Difference((first, second), {name: rows for name, rows in sections.items() if rows}, warnings(runs))


def _pairs(values: Sequence[dict[str, Any]], without: Sequence[str]) -> list[tuple[str, Any, Any]]:
    return [(key, found[0], found[1]) for key, found in differences(values, without)]
