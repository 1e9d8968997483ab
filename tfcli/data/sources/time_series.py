"""Windows over a series in time."""

from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfcli.data.files import Blob, find
from tfcli.data.source import Names, Source
from tfcli.data.sources.csv import Dialect, read_csv
from tfcli.data.sources.tabular import join
from tfcli.data.table import Table, as_list
from tfcli.declare import PathString, PositiveInt, nearest
from tfcli.errors import DataError


class TimeSeries(Source, name="time_series"):
    """Windows over the rows of a CSV file in order of time, as Keras's `timeseries_dataset_from_array` makes them.

    The window that begins at row i has the rows i, i + sampling_rate, … (sequence_length of them): input `window` (L,
    C). Its target is `target` at `horizon` sampled rows after the window's last one: (), or (K,) for a list of K
    targets. `split` cuts by time, the training part first, and no window or target crosses a cut; a count there counts
    rows.
    """

    path: PathString
    """A CSV file with a header, or a glob; `bundled:co2` comes with the package."""
    target: Names
    """The column (or columns) to predict."""
    columns: list[str] | None = None
    """The columns of the window. Default: the target alone."""
    sequence_length: PositiveInt
    horizon: PositiveInt = 1
    """How many sampled rows ahead the target is."""
    sampling_rate: PositiveInt = 1
    """Rows between two of a window's steps."""
    sequence_stride: PositiveInt = 1
    """Rows between the beginnings of two windows."""
    missing: Literal["interpolate", "previous", "mean", "median"] | float | None = None
    """What stands for a missing number: a line between its neighbours, the one before it, the training split's mean
    or median, or a number. Interpolation stays within a split. Default: a missing number is an error."""
    delimiter: str = ","
    missing_values: list[str] = ["", "NA", "?"]

    ordered = True

    def read(self, root: Path) -> Table:
        return self._table(find(root, self.path), labelled=True)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self._table([blob], labelled)

    def _inputs(self) -> list[str]:
        return self.columns or as_list(self.target)

    def _table(self, blobs: list[Blob], labelled: bool) -> Table:
        dialect = Dialect(self.delimiter, None, frozenset(self.missing_values))
        targets = as_list(self.target) if labelled else []
        names = list(dict.fromkeys([*self._inputs(), *targets]))
        columns, rows = join([read_csv(b, dialect, frozenset(names)) for b in blobs])
        for name in names:
            if name not in columns:
                hint = nearest(name, columns) or f"its columns are: {', '.join(columns)}"
                raise DataError(f"{rows.files[0]}: has no column {name!r}; {hint}")
        files = {file: digest for blob in blobs for file, digest in blob.fingerprint().items()}
        return Table({n: columns[n] for n in names}, self._inputs(), rows, targets, None, files, tabular=True)

    def learn(self, train: Table) -> dict[str, Any]:
        if self.missing not in ("mean", "median"):
            return {}
        statistic = np.nanmean if self.missing == "mean" else np.nanmedian
        return {"fill": {name: float(statistic(train.numbers(name))) for name in train.columns}}

    def examples(self, rows: Table, learned: dict[str, Any], labelled: bool = True, floatx: str = "float64") -> Table:
        series = {name: self._filled(rows, name, learned) for name in rows.columns}
        span = (self.sequence_length - 1) * self.sampling_rate + 1
        ahead = self.horizon * self.sampling_rate if labelled else 0
        count = len(rows) - span - ahead + 1
        if count < 1:
            raise DataError(
                f"{rows.rows.files[0]}: a part of the series has {len(rows)} rows, too few for one window of"
                f" {span + ahead} (sequence_length, sampling_rate and horizon together)"
            )
        starts = np.arange(0, count, self.sequence_stride)
        data = np.stack([series[name] for name in self._inputs()], axis=-1).astype(floatx)  # (T, C)
        # Views of the one array: a window costs no memory until its batch is gathered.
        views = np.lib.stride_tricks.sliding_window_view(data, span, axis=0)[: count : self.sequence_stride]
        columns = {"window": views[:, :, :: self.sampling_rate].swapaxes(1, 2)}  # (N, L, C)
        where = rows.rows.select(starts)
        if not labelled:
            return Table(columns, ["window"], where, [], None, rows.files)
        targets = np.stack([series[name] for name in as_list(self.target)], axis=-1)[starts + span - 1 + ahead]
        name = self.target if isinstance(self.target, str) else "target"
        columns[name] = targets[:, 0] if isinstance(self.target, str) else targets
        return Table(columns, ["window"], where, [name], None, rows.files)

    def _filled(self, rows: Table, name: str, learned: dict[str, Any]) -> np.ndarray:
        values = rows.numbers(name)
        gaps = np.isnan(values)
        if not gaps.any():
            return values
        known = np.flatnonzero(~gaps)
        if self.missing is None or not known.size:
            hint = "say what stands for it: `missing: interpolate`, previous, mean, median or a number"
            raise DataError(f"{rows.where(int(gaps.argmax()), name)}: a number is missing; {hint}")
        if self.missing == "interpolate":
            return np.interp(np.arange(len(values)), known, values[known])
        if self.missing == "previous":
            latest = np.searchsorted(known, np.arange(len(values)), side="right") - 1
            return values[known[np.maximum(latest, 0)]]
        fill = learned["fill"][name] if isinstance(self.missing, str) else self.missing
        return np.where(gaps, fill, values)
