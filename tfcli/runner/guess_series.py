"""A commented spec for a series in time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.dates import parse_dates
from tfcli.data.sources.tabular import Columns
from tfcli.data.table import missing
from tfcli.declare import squash
from tfcli.runner.guess_arrays import own_scale, plain_name, training
from tfcli.spec.dump import flow

_MOST_WINDOW = 52
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_SHORTEST_NAME = 3


@dataclass(frozen=True)
class Series:
    """What a table of rows in order of time holds: the column to forecast, and those to do it from."""

    target: str
    columns: list[str]


def date_format(known: np.ndarray) -> str | None:
    """How dates are written, as the rest of a feature in a spec; None where the values are no dates."""
    if known.dtype == object:
        return None if np.isnan(parse_dates(known)).any() else ""
    if known.dtype.kind not in "iu" or known.min() < 19000101 or known.max() > 21001231:
        return None
    return None if np.isnan(parse_dates(known.astype(str), "%Y%m%d")).any() else ', format: "%Y%m%d"'


def named_as_file(columns: Columns, file: Path) -> list[str]:
    """The columns whose name is part of the file's: pm2.5 in beijing_pm25.csv."""
    own = squash(plain_name(file))
    plain = {name: "".join(filter(str.isalnum, squash(name))) for name in columns}
    return [name for name, short in plain.items() if len(short) >= _SHORTEST_NAME and short in own]


def series_of(columns: Columns, file: Path, telling: list[str]) -> Series | None:
    """The numbers of a table in order of time: one beside a date; or several beside parts of a date, of which is
    forecast what has a `telling` name or the file's, gaps, or the last place."""
    parts = [name for name in columns if name.lower() in _PARTS]
    if len(parts) < 2 or parts[0].lower() != "year":
        return _dated(columns)
    times = np.stack([columns[name] for name in sorted(parts, key=lambda name: _PARTS.index(name.lower()))], axis=1)
    if times.dtype.kind not in "if" or not _rises(times):
        return None
    others = [name for name, column in columns.items() if name not in parts and column.dtype.kind in "if"]
    numbers = [name for name in others if len(np.unique(np.diff(columns[name]))) > 1]  # not the rows' numbers
    if telling and telling[0] not in numbers:
        return None
    fitting = [*telling, *(name for name in named_as_file(columns, file) if name in numbers)]
    fitting += [name for name in numbers if missing(columns[name]).any()] + numbers[-1:]
    return Series(fitting[0], numbers) if fitting else None


def _dated(columns: Columns) -> Series | None:
    numbers = [name for name, column in columns.items() if column.dtype.kind in "if" and date_format(column) is None]
    dates = [name for name in columns if name not in numbers and date_format(columns[name]) is not None]
    if len(columns) != 2 or len(numbers) != 1 or len(dates) != 1:
        return None
    return Series(numbers[0], numbers) if (columns[dates[0]][:-1] < columns[dates[0]][1:]).all() else None


def _rises(times: np.ndarray) -> bool:
    """Whether each row (of year, month, …) comes after the one before."""
    steps = np.diff(times, axis=0)
    first = (steps != 0).argmax(axis=1)
    return len(times) > 1 and bool((steps[np.arange(len(steps)), first] > 0).all())


def series_spec(file: Path, spec: dict[str, Any], columns: Columns, series: Series) -> str:
    """The text of a spec that forecasts the target of `series`, whose rows are in order of time."""
    numbers = columns[series.target].astype(np.float64)
    length = min(_MOST_WINDOW, max(2, len(numbers) // 10))
    source = {"type": "time_series", "path": spec["path"], "target": series.target}
    source |= {"columns": series.columns} if len(series.columns) > 1 else {}
    source |= {"sequence_length": length} | {key: spec[key] for key in ("delimiter",) if key in spec}
    gaps = any(missing(columns[name]).any() for name in series.columns)
    axis = "" if len(series.columns) > 1 else ", axis: null"
    lines = [
        f"# Guessed from {file.name} ({len(numbers):,} rows): a series in time. `tfcli init FILE --label COLUMN` takes",
        "# it for a table. See what it makes of the data: tfcli check THIS_FILE",
        f"name: {flow(plain_name(file))}",
        "seed: 42                  # every random number comes from it",
        "",
        "data:",
        "  # target: the column to forecast; columns: what it is forecast from, by default the target alone",
        "  # horizon: how many rows after the window the value to predict is",
        f"  source: {flow(source)[:-1]}, horizon: 1{', missing: interpolate' if gaps else ''}}}",
        "  split: {validation: 0.15, test: 0.15}                     # by time: the model is tested on the last rows",
        "  pipeline:",
        f"    - {{type: normalization{axis}}}",
        "    - {type: shuffle, buffer_size: 10000}                   # training only",
        "    - {type: batch, batch_size: 32}",
        "",
        "model:",
        "  layers:",
        "    - {type: flatten}",
        "    - {type: dense, units: 1}",
        *own_scale(numbers[~np.isnan(numbers)]),
        "",
        "loss: mean_squared_error",
        "optimizer: {type: adam, learning_rate: 0.003}",
        "metrics: [mean_absolute_error]",
        "",
        *training(50),
    ]
    return "\n".join(lines) + "\n"
