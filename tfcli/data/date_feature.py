"""Dates as features."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from tfcli.data.dates import parse_dates
from tfcli.data.features import NumberFeature
from tfcli.data.learning import ColumnSummary, Numbers
from tfcli.data.table import Table
from tfcli.declare import FieldError
from tfcli.engine.preprocessing.learning import Summary, configured
from tfcli.engine.preprocessing.numeric import Normalization
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError

Part = Literal["elapsed", "month", "day", "day_of_year", "weekday", "hour", "minute"]
_SCALED = configured(Normalization)
_DAY, _HOUR = 86400.0, 3600.0
_THURSDAY = 3
"""The weekday of the first of January 1970, counted from Monday."""


class Date(NumberFeature):
    """A date or time as numbers: `elapsed` time, normalized as in float_normalized, and the place in the year, month,
    week, day or hour, each as the sine and cosine of an angle, so that December is next to January.

    Times without a zone are taken to be UTC.
    """

    parts: list[Part] = ["elapsed", "day_of_year", "weekday"]
    format: str | None = None
    """How dates are written, as in Python's `strptime`: `"%d.%m.%Y"`. Default: ISO 8601, as in 2024-02-29 or
    2024-02-29 13:05."""
    missing: Literal["mean", "median"] | None = None
    """What stands for a missing date: the training split's mean or median. Default: a missing date is an error."""

    def check(self) -> None:
        super().check()
        if not self.parts or len(set(self.parts)) < len(self.parts):
            raise FieldError("parts", "expected one or more parts, each once")

    def summary(self, name: str) -> ColumnSummary:
        return _Dates(self, name)

    def number_summary(self) -> Summary:
        return _SCALED.summary()

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        return super().encode(self.dated(table, name), name, learned, floatx)

    def transform(self, numbers: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
        columns = [column for part in self.parts for column in self._part(part, numbers, learned)]
        return np.stack(columns, axis=1)

    def _part(self, part: Part, seconds: np.ndarray, learned: dict[str, Any]) -> list[np.ndarray]:
        if part == "elapsed":
            return [_SCALED.scaled(Tensor(seconds[:, None]), learned["mean"], learned["variance"]).array[:, 0]]
        angle = 2 * np.pi * _turns(part, seconds)
        return [np.sin(angle), np.cos(angle)]

    def dated(self, table: Table, name: str) -> Table:
        """The table with the column as seconds since 1970. Raises DataError naming row and column."""
        texts = table.texts(name)
        seconds = parse_dates(texts, self.format)
        wrong = np.isnan(seconds) & (texts != "").astype(bool)
        if wrong.any():
            at = int(wrong.argmax())
            expected = f"written as {self.format!r}" if self.format else "such as 2024-02-29 or 2024-02-29 13:05"
            hint = "" if self.format else "; `format` says how dates are written otherwise"
            raise DataError(f"{table.where(at, name)}: expected a date {expected}, got {texts[at]!r}{hint}")
        return replace(table, columns={**table.columns, name: seconds})


class _Dates(Numbers):
    """What is learned of a column of dates: as of the numbers of seconds that they are."""

    def __init__(self, feature: Date, name: str) -> None:
        refuse = lambda table, gaps: feature._refuse_gap(table, name, gaps)  # noqa: E731
        super().__init__(name, feature.missing, feature.number_summary(), refuse)
        self.feature = feature

    def update(self, table: Table) -> None:
        super().update(self.feature.dated(table, self.name))


def _turns(part: Part, seconds: np.ndarray) -> np.ndarray:
    """How much of the year, month, week, day or hour has passed: (N,) from 0 to 1."""
    if part == "hour":
        return seconds % _DAY / _DAY
    if part == "minute":
        return seconds % _HOUR / _HOUR
    if part == "weekday":
        return (seconds / _DAY // 1 + _THURSDAY) % 7 / 7
    moments = seconds.astype("datetime64[s]")
    years, months, days = (moments.astype(f"datetime64[{unit}]") for unit in "YMD")
    if part == "month":
        return (months - years.astype("datetime64[M]")).astype(np.int64) / 12
    start, end = (years, years + 1) if part == "day_of_year" else (months, months + 1)
    first, last = start.astype("datetime64[D]"), end.astype("datetime64[D]")
    return (days - first).astype(np.int64) / (last - first).astype(np.int64)
