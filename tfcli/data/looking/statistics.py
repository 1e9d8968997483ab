"""Types, ranges, missing and distinct values and histograms of columns, in one pass over blocks of rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from tfcli.data.dates import parse_date, show_date
from tfcli.data.looking.sketches import Distinct, Moments, Sample, Texts, hash_numbers, hash_texts
from tfcli.data.table import Table, parse_number

Type = Literal["integer", "float", "date", "category", "text", "array"]
MOST_CATEGORIES = 1000
"""More different texts than this are no categories."""
_MOSTLY = 0.9
"""The share of numbers (or dates) from which on a column of texts is taken for one of them, the rest being wrong."""
_BINS = 20
_BLOCK = 2**20
"""Numbers of arrays that are looked at together."""
_SHOWN_VALUES = 20
_QUANTILES = {"5%": 0.05, "25%": 0.25, "50%": 0.5, "75%": 0.75, "95%": 0.95}


@dataclass(frozen=True)
class Histogram:
    """`counts[i]` numbers are from `edges[i]` to `edges[i + 1]`; of a sample where the column is large."""

    edges: list[float]
    counts: list[int]


@dataclass(frozen=True)
class NumberStatistics:
    """Numbers (dates: seconds since 1970). `infinite` ones are counted apart from everything else."""

    mean: float
    deviation: float
    low: float
    high: float
    zeros: int
    infinite: int
    quantiles: dict[str, float]
    histogram: Histogram


@dataclass(frozen=True)
class TextStatistics:
    """Texts: the most frequent `values` with their counts, and the mean and largest length in characters."""

    values: dict[str, int]
    mean_length: float
    longest: int


@dataclass(frozen=True)
class ColumnStatistics:
    """One column. `wrong` counts texts among numbers, or what is no date among dates; `distinct` may be an estimate."""

    name: str
    type: Type
    rows: int
    missing: int
    distinct: int
    is_exact: bool
    wrong: int = 0
    shape: tuple[int, ...] = ()
    numbers: NumberStatistics | None = None
    texts: TextStatistics | None = None


@dataclass(frozen=True)
class Statistics:
    """A table, or a spec's arrays. `labels`: the columns to predict, where that is known."""

    name: str
    rows: int
    columns: dict[str, ColumnStatistics]
    labels: list[str]
    skipped: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"columns": [asdict(column) for column in self.columns.values()]}


class ColumnSketch:
    """One column, block by block."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.missing = name, 0, 0
        self.numbers, self.sample = Moments(), Sample(name)
        self.dates, self.date_sample = Moments(), Sample(f"{name}, dates")
        self.texts, self.distinct = Texts(), Distinct()
        self.shape: tuple[int, ...] = ()
        self._are_whole = True

    def add(self, column: np.ndarray) -> None:
        """(N,) numbers with NaN where missing or texts with `""` where missing, or (N, …) arrays."""
        self.rows += len(column)
        if column.ndim > 1:
            self._add_arrays(column)
        elif column.dtype == object:
            self._add_texts(column)
        else:
            self._add_numbers(column)

    def _add_numbers(self, column: np.ndarray) -> None:
        numbers = column.astype(np.float64)
        known = numbers[~np.isnan(numbers)]
        self.missing += len(numbers) - len(known)
        if column.dtype.kind == "f":
            # A whole number becomes a float where one of its block is missing; `3.0` in a file is a float by itself.
            self._are_whole &= len(known) < len(numbers) and bool((known == np.floor(known)).all())
        self._note_numbers(known)
        self.distinct.add(hash_numbers(np.unique(known)))

    def _add_texts(self, column: np.ndarray) -> None:
        counts: Counter[str] = Counter(map(str, column.tolist()))
        self.missing += counts.pop("", 0)
        self.texts.add(counts)
        self.distinct.add(hash_texts(list(counts)))
        times = np.fromiter(counts.values(), np.int64, len(counts))
        for parse, moments, sample in (
            (parse_number, self.numbers, self.sample),
            (parse_date, self.dates, self.date_sample),
        ):
            parsed = np.array([parse(text) for text in counts], np.float64)  # None becomes NaN
            understood = ~np.isnan(parsed)
            repeated = np.repeat(parsed[understood], times[understood])
            moments.add(repeated)
            sample.add(repeated)

    def _add_arrays(self, column: np.ndarray) -> None:
        self.shape = column.shape[1:]
        self._are_whole &= column.dtype.kind in "iub"
        size = max(1, _BLOCK // max(1, prod(self.shape)))
        for start in range(0, len(column), size):
            rows = column[start : start + size].reshape(-1, prod(self.shape)).astype(np.float64)
            gaps = np.isnan(rows)
            self.missing += int(gaps.any(axis=1).sum())
            known = rows[~gaps]
            self._note_numbers(known)
            self.distinct.add(hash_numbers(np.unique(known)))

    def _note_numbers(self, known: np.ndarray) -> None:
        self.numbers.add(known)
        self.sample.add(known)

    @property
    def known(self) -> int:
        return self.rows - self.missing

    @property
    def type(self) -> Type:
        if self.shape:
            return "array"
        if self.dates.count and self.dates.count >= _MOSTLY * self.known:
            return "date"
        numeric = self.numbers.count + self.numbers.infinite
        if numeric >= _MOSTLY * self.known:
            return "integer" if self._are_whole and not self.texts.count and numeric else "float"
        return "category" if self.distinct.count <= min(MOST_CATEGORIES, self.known / 2) else "text"

    def seen(self) -> tuple[Moments, Sample]:
        """Its numbers; of a column of dates, their seconds."""
        return (self.dates, self.date_sample) if self.type == "date" else (self.numbers, self.sample)

    def statistics(self) -> ColumnStatistics:
        kind = self.type
        moments, sample = self.seen()
        is_number = kind in ("integer", "float", "date", "array")
        wrong = self.known - moments.count - moments.infinite if is_number and kind != "array" else 0
        is_exact = self.distinct.is_exact
        numbers = number_statistics(moments, sample.numbers) if is_number and moments.count else None
        texts = None if is_number and not wrong else self._text_statistics()
        return ColumnStatistics(
            self.name, kind, self.rows, self.missing, self.distinct.count, is_exact, wrong, self.shape, numbers, texts
        )

    def _text_statistics(self) -> TextStatistics:
        values = dict(self.texts.counts.most_common(_SHOWN_VALUES))
        return TextStatistics(values, self.texts.characters / max(self.texts.count, 1), self.texts.longest)


def number_statistics(moments: Moments, numbers: np.ndarray) -> NumberStatistics:
    quantiles = np.quantile(numbers, list(_QUANTILES.values()))
    return NumberStatistics(
        moments.mean,
        moments.deviation,
        moments.low,
        moments.high,
        moments.zeros,
        moments.infinite,
        dict(zip(_QUANTILES, quantiles.tolist(), strict=True)),
        _histogram(moments, numbers),
    )


def _histogram(moments: Moments, numbers: np.ndarray) -> Histogram:
    """A bin for each of few whole numbers, else bins of one width from the smallest number to the largest."""
    distinct = np.unique(numbers)
    span = moments.high - moments.low
    if span < _BINS and (distinct == np.floor(distinct)).all():
        edges = np.arange(moments.low, moments.high + 2) - 0.5
    else:
        edges = np.linspace(moments.low, moments.high, _BINS + 1)
    return Histogram(edges.tolist(), np.histogram(numbers, edges)[0].tolist())


class TableSketch:
    """A table, block by block."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.skipped = name, 0, 0
        self.columns: dict[str, ColumnSketch] = {}
        self.labels: list[str] = []

    def add(self, table: Table) -> None:
        self.rows += len(table)
        self.skipped += len(table.skipped)
        self.labels = table.labels
        for name, column in table.columns.items():
            self.columns.setdefault(name, ColumnSketch(name)).add(column)

    def statistics(self) -> Statistics:
        columns = {name: sketch.statistics() for name, sketch in self.columns.items()}
        return Statistics(self.name, self.rows, columns, self.labels, self.skipped)


def sketch(name: str, tables: Iterable[Table]) -> TableSketch:
    """What one pass over the blocks of a table remembers."""
    result = TableSketch(name)
    for table in tables:
        result.add(table)
    return result


def show_value(kind: Type, number: float) -> str:
    """A column's number as a person reads it."""
    if kind == "date":
        return show_date(number)
    return f"{number:,.0f}" if kind == "integer" and float(number).is_integer() else f"{number:.5g}"
