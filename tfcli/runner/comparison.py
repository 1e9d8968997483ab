"""Runs side by side: the keys of their specs that differ, and their metrics."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.declare import nearest
from tfcli.errors import SpecError, UnknownRunError
from tfcli.logging.listing import RunInfo, find_run, list_runs
from tfcli.models.monitors import is_maximized
from tfcli.runner.comparability import warnings
from tfcli.runner.compared import AVERAGED, FIELDS, ComparedRun
from tfcli.runner.differences import WRITTEN_ONLY, differences
from tfcli.runner.expressions import PICKS, Column, parse_condition
from tfcli.runner.grouping import Estimate, group, joined
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec

SETTINGS = "settings"
"""Groups by all that the specs differ in but the seeds."""
_SEEDS = ("seed", "data.split.seed")


@dataclass(frozen=True)
class Comparison:
    """A table: a row of `values` for each of `runs`, in the order of `columns`.

    Grouped, `members` are the runs of each row, of which `runs` has the first, and metrics are Estimates.
    """

    runs: list[ComparedRun]
    labels: list[str]
    columns: list[Column]
    values: list[list[Any]]
    warnings: list[str]
    members: list[list[ComparedRun]]
    is_grouped: bool = False


def collect(names: Sequence[str], logdir: Path) -> list[ComparedRun]:
    """The runs that `names` mean: run directories, folders of runs, studies (their trials), or names in `logdir`.

    Without names all runs in `logdir`. Raises UnknownRunError where there are none.
    """
    places = [_place(name, logdir) for name in names] or [logdir]
    listed = [(os.path.realpath(place), str(place), _listed(place, logdir)) for place in places]
    runs = {
        real + str(info.path).removeprefix(place): ComparedRun(info)
        for real, place, infos in listed
        for info in infos
        if not info.is_study
    }
    if not runs:
        studies = [info for _, _, infos in listed for info in infos]
        latest = os.path.relpath(studies[-1].path) if studies else None
        hint = f" but studies; `tfcli compare {latest}` compares one's trials" if latest else ""
        raise UnknownRunError(f"there are no runs in {', '.join(names) or logdir}{hint}")
    return list(runs.values())


def _listed(place: Path, logdir: Path) -> list[RunInfo]:
    """The runs at `place`: the trials of a study, and of a name that has studies alone those of the latest."""
    found = list_runs(place, trials=(place / "study.json").is_file())
    if place != logdir and found and all(info.is_study for info in found):
        return list_runs(found[-1].path, trials=True)
    return found


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
    top: int | None = None,
    group_by: Sequence[str] | None = None,
) -> Comparison:
    """The table of `runs` for which the condition `where` holds (see `tfcli.runner.expressions`).

    `columns`: as in `best val_accuracy` or `optimizer.type`; default: the spec's keys that differ, and the metrics.
    `sort`: a column; metrics the best first, others the smallest first, and with `-` in front the other way round.
    `top`: so many rows, of the best by `sort` (default: the first metric). `group_by`: keys; runs that have the same
    of them are one row, with the mean of each metric and its interval; `settings` stands for all but the seed.
    Raises SpecError at an unknown name.
    """
    chosen = [run for run in runs if _holds(where, runs)(run)] if where is not None else list(runs)
    keys = _group_keys(group_by, chosen) if group_by else None
    shown = [_known(parse_column(text), runs) for text in columns] if columns else _default(chosen, keys)
    order = _known(parse_column(sort.removeprefix("-")), runs) if sort else _first_metric(shown, chosen, top)
    members = _groups(chosen, keys) if keys is not None else [[run] for run in chosen]
    if order is not None:
        members = _sorted(members, order, (sort or "").startswith("-"), keys is not None)
    members = members[:top]
    first = [row[0] for row in members]
    values = [_row(row, shown, keys is not None) for row in members]
    kept = [run for row in members for run in row]
    return Comparison(first, _labels(first), shown, values, warnings(kept), members, keys is not None)


def parse_column(text: str) -> Column:
    """`val_loss`, `min val_loss`, `best val_loss @epoch`, `optimizer.type`, `versions.numpy`. Raises SpecError."""
    words = text.replace("@", " @").split()
    of_epoch = words[-1:] == ["@epoch"]
    words = words[:-1] if of_epoch else words
    if len(words) == 2 and words[0] in PICKS:
        return Column(words[1], words[0], of_epoch)
    if len(words) != 1 or words[0].startswith("@"):
        raise SpecError(
            f"a column is a name, or one of {', '.join(PICKS)} and a metric's name, then perhaps @epoch; got {text!r}"
        )
    return Column(words[0], None, of_epoch)


def _known(column: Column, runs: Iterable[ComparedRun]) -> Column:
    message = _unknown(column, runs)
    if message is not None:
        raise SpecError(message)
    return column


def _unknown(column: Column, runs: Iterable[ComparedRun]) -> str | None:
    """What is wrong with a column that no run has."""
    metric_only = column.pick is not None or column.of_epoch
    if any(run.is_metric(column) if metric_only else run.has(column) for run in runs):
        return None
    metrics = sorted({name for run in runs for name in run.metric_names})
    if metric_only:
        return (
            f"no run reports `{column.name}`; {nearest(column.name, metrics) or 'reported are: ' + ', '.join(metrics)}"
        )
    keys = {key for run in list(runs)[:20] for key in (*run.spec_keys, *run.environment_keys)}
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


# rows


def _group_keys(texts: Sequence[str], runs: Sequence[ComparedRun]) -> list[Column]:
    if list(texts) == [SETTINGS]:
        return [column for column in differing_keys(runs) if column.name not in _SEEDS]
    keys = [_known(parse_column(text), runs) for text in texts]
    for key in keys:
        if any(run.is_metric(key) for run in runs):
            raise SpecError(f"--group-by takes what was set, and {key} is measured; name a key of the spec")
    return keys


def _groups(runs: Sequence[ComparedRun], keys: Sequence[Column]) -> list[list[ComparedRun]]:
    return [members for _, members in group((repr([run.value(key) for key in keys]), run) for run in runs)]


def _row(members: Sequence[ComparedRun], columns: Sequence[Column], grouped: bool) -> list[Any]:
    if not grouped:
        return [members[0].value(column) for column in columns]
    return [joined([run.value(c) for run in members], _is_averaged(c, members)) for c in columns]


def _is_averaged(column: Column, runs: Iterable[ComparedRun]) -> bool:
    return column.name in AVERAGED or any(run.is_metric(column) for run in runs)


def _first_metric(columns: Iterable[Column], runs: Sequence[ComparedRun], top: int | None) -> Column | None:
    if top is None:
        return None
    return next((column for column in columns if any(run.is_metric(column) for run in runs)), None)


def _sorted(rows: list[list[ComparedRun]], column: Column, reversed_: bool, grouped: bool) -> list[list[ComparedRun]]:
    is_metric = any(run.is_metric(column) for row in rows for run in row) and not column.of_epoch
    reverse = (is_metric and is_maximized(column.name)) != reversed_
    valued = [(row, _row(row, [column], grouped)[0]) for row in rows]
    valued = [(row, value.mean if isinstance(value, Estimate) else value) for row, value in valued]
    present = [(row, value) for row, value in valued if not _is_missing(value)]
    numbers = all(isinstance(value, int | float) for _, value in present)
    present.sort(key=lambda pair: pair[1] if numbers else str(pair[1]), reverse=reverse)
    return [row for row, _ in present] + [row for row, value in valued if _is_missing(value)]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _default(runs: Sequence[ComparedRun], keys: Sequence[Column] | None) -> list[Column]:
    if keys is None:
        return default_columns(runs)
    metrics = [column for column in default_columns(runs) if _is_averaged(column, runs)]
    return [*keys, *(column for column in metrics if column not in keys)]


def default_columns(runs: Sequence[ComparedRun]) -> list[Column]:
    """The state where not all are done, tags, the spec's keys that differ, the best validation metrics, the test's,
    time."""
    names = list(dict.fromkeys(name for run in runs for name in run.metric_names))
    validation = [name for name in names if name.startswith("val_")]
    own = [name for name in names if not name.startswith(("val_", "test_"))]
    tested = [name for name in names if name.startswith("test_")]
    return [
        *([Column("state")] if any(run.info.state != "done" for run in runs) else []),
        *([Column("tags")] if any(run.info.annotations.get("tags") for run in runs) else []),
        *differing_keys(runs),
        *(Column(name, "best") for name in validation or own),
        *map(Column, tested),
        Column("duration"),
    ]


def differing_keys(runs: Sequence[ComparedRun]) -> list[Column]:
    """Where the specs differ in what is learned: names, searches and what is written down make no other experiment."""
    found = differences([run.spec for run in runs], ("tune",))
    return [Column(key) for key, _ in found if not key.startswith(WRITTEN_ONLY)]


def _labels(runs: Sequence[ComparedRun]) -> list[str]:
    """Paths from the nearest folder that holds all."""
    if len(runs) < 2:
        return [f"{run.info.name}/{run.info.id}" for run in runs]
    paths = [os.path.abspath(run.path) for run in runs]
    common = os.path.commonpath(paths)
    return [path.removeprefix(common).lstrip(os.sep) for path in paths]


# two runs in detail


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
