"""Named columns, as a source reads them: each a numpy array whose first axis is the examples."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfcli.data.uneven import is_uneven, stacked_or_uneven, uneven
from tfcli.errors import DataError


@dataclass(frozen=True)
class Rows:
    """Where each example comes from: an index into `files`, and the number there (counted as the user counts)."""

    files: list[str]
    file: np.ndarray
    number: np.ndarray
    unit: str = "row"

    @staticmethod
    def counted(file: str, count: int, unit: str = "example") -> "Rows":
        """`count` examples of one file, numbered from 0."""
        return Rows([file], np.zeros(count, np.int32), np.arange(count), unit)

    def select(self, indices: np.ndarray | slice) -> "Rows":
        return replace(self, file=self.file[indices], number=self.number[indices])

    def where(self, index: int) -> str:
        return f"{self.files[self.file[index]]}, {self.unit} {self.number[index]}"


@dataclass(frozen=True)
class Table:
    """Columns by name. `features`, `labels` and `weight` say what they are for.

    Numbers are int64 or float64 with NaN where one is missing (or whatever the file's arrays hold), texts are objects
    with `""` where one is missing. `tabular`: columns of single values, as in a CSV file, rather than arrays that are
    model inputs as they are.
    """

    columns: dict[str, np.ndarray]
    features: list[str]
    rows: Rows
    labels: list[str] = field(default_factory=list)
    weight: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    tabular: bool = False
    classes: dict[str, list[str]] = field(default_factory=dict)
    """The texts of a label in the order of their numbers, where the source knows it."""
    skipped: tuple[str, ...] = ()
    """What was left out because it is damaged: a message for each."""

    def __post_init__(self) -> None:
        names = [*self.features, *self.labels, *([self.weight] if self.weight else [])]
        for name in names:
            count = len(self.columns[name])
            if count != len(self.rows.number):
                first = names[0]
                raise DataError(
                    f"{self.rows.files[0]}: {name!r} has {count} examples, but {first!r} has {len(self.columns[first])}"
                )

    def __len__(self) -> int:
        return len(self.rows.number)

    def select(self, indices: np.ndarray | slice) -> "Table":
        columns = {name: column[indices] for name, column in self.columns.items()}
        return replace(self, columns=columns, rows=self.rows.select(indices))

    def where(self, index: int, column: str) -> str:
        """`penguins.csv, row 5, column 'sex'`."""
        kind = "column" if self.tabular else "array"
        return f"{self.rows.where(int(index))}, {kind} {column!r}"

    def numbers(self, name: str) -> np.ndarray:
        """The column as float64, NaN where missing. Raises DataError naming the row of a value that is no number."""
        column = self._single(name)
        if column.dtype != object:
            return column.astype(np.float64)
        result = np.full(len(column), np.nan)
        for i, text in enumerate(column):
            if text != "":
                number = parse_number(text)
                if number is None:
                    raise DataError(f"{self.where(i, name)}: expected a number, got {text!r}")
                result[i] = number
        return result

    def _single(self, name: str) -> np.ndarray:
        """The column, whose examples must not be lists of different lengths."""
        if is_uneven(self.columns[name]):
            raise DataError(f"{self.where(0, name)}: expected a single value, got a list")
        return self.columns[name]

    def texts(self, name: str) -> np.ndarray:
        """The column as texts, `""` where missing; numbers as they are written, 3 for 3.0."""
        column = self._single(name)
        if column.dtype == object:
            return column
        return np.array([_number_text(value) for value in column.tolist()], object)


def missing(column: np.ndarray) -> np.ndarray:
    """Whether each example of a column has no value (N,)."""
    if is_uneven(column) or column.dtype.kind not in "fO":
        return np.zeros(len(column), bool)
    gaps = np.isnan(column) if column.dtype.kind == "f" else column == ""
    return np.any(np.asarray(gaps, bool).reshape(len(column), -1), axis=1)


def _number_text(value: float) -> str:
    if isinstance(value, float):
        return "" if value != value else str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def parse_number(text: str) -> float | None:
    """`text` as a number; None where it is none. (Python's own `float` would take `1_000`.)"""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def column_of_texts(texts: Sequence[str], missing: frozenset[str], as_text: bool = False) -> np.ndarray:
    """int64 where all of `texts` are whole numbers, float64 where all are numbers or missing, else (or where `as_text`)
    objects."""
    stripped = list(map(str.strip, texts))
    known = [text for text in stripped if text not in missing]
    numbers = _parsed(known) if known and not as_text else None
    if numbers is None:
        return np.array(["" if text in missing else text for text in stripped], object)
    if len(known) == len(stripped):
        return numbers
    column = np.full(len(stripped), np.nan)
    column[[text not in missing for text in stripped]] = numbers
    return column


def _parsed(texts: list[str]) -> np.ndarray | None:
    """int64 or float64 of `texts`; None where one of them is no number."""
    for parse, dtype in ((int, np.int64), (float, np.float64)):
        try:
            numbers = np.array(list(map(parse, texts)), dtype)
        except (ValueError, OverflowError):
            continue
        return None if any("_" in text for text in texts) else numbers
    return None


def column_of_values(values: Sequence[Any], name: str, rows: Rows) -> np.ndarray:
    """A column from Python values: numbers, booleans (0 and 1), texts, lists of numbers (of different lengths:
    `tfcli.data.uneven`), None where missing."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, list) for value in known):
        return _column_of_lists(values, name, rows)
    for i, value in enumerate(values):
        if not isinstance(value, str | bool | int | float | None):
            raise DataError(f"{rows.where(i)}, column {name!r}: cannot use a value of type {type(value).__name__}")
    if any(isinstance(value, str) for value in known):
        return np.array(["" if value is None else str(value) for value in values], object)
    if len(known) == len(values) and all(isinstance(value, bool | int) and abs(value) < 2**63 for value in values):
        return np.array(values, np.int64)
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def _column_of_lists(values: Sequence[Any], name: str, rows: Rows) -> np.ndarray:
    arrays: list[np.ndarray] = []
    for i, value in enumerate(values):
        try:
            array = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{rows.where(i)}, column {name!r}: expected a list of numbers, got {value!r}") from None
        if array.ndim != (arrays[0].ndim if arrays else max(array.ndim, 1)):
            shown = "nothing" if value is None else value
            raise DataError(f"{rows.where(i)}, column {name!r}: expected a list of numbers as before, got {shown!r}")
        arrays.append(array)
    whole = all(isinstance(value, int) and abs(value) < 2**63 for value in _flat(values))
    return stacked_or_uneven([np.array(value, np.int64) for value in values] if whole else arrays)


def _flat(values: Any) -> Iterator[Any]:
    """The entries of nested lists."""
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def as_list(names: str | list[str] | None) -> list[str]:
    """One name, several or none, as a list."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def stacked_tables(tables: Sequence[Table], files: dict[str, str]) -> Table:
    """Tables of the same columns one below the other. Raises DataError where shapes differ."""
    first = tables[0]
    names = dict.fromkeys(name for table in tables for name in table.rows.files)
    place = {name: i for i, name in enumerate(names)}
    file = [np.array([place[name] for name in table.rows.files])[table.rows.file] for table in tables]
    rows = Rows(list(names), np.concatenate(file), np.concatenate([t.rows.number for t in tables]), first.rows.unit)
    columns = {name: _stacked([table.columns[name] for table in tables], name, names) for name in first.columns}
    skipped = tuple(message for table in tables for message in table.skipped)
    return replace(first, columns=columns, rows=rows, files=files, skipped=skipped)


def _stacked(parts: list[np.ndarray], name: str, files: Iterable[str]) -> np.ndarray:
    if any(map(is_uneven, parts)):
        return uneven(as_examples(parts, name, files))
    if len({part.shape[1:] for part in parts}) > 1:
        raise DataError(f"{', '.join(files)}: column {name!r} has values of different shapes")
    return np.concatenate(parts)


def as_examples(parts: Iterable[np.ndarray], name: str, files: Iterable[str]) -> list[np.ndarray]:
    """The examples of columns of lists. Raises DataError where others are no lists."""
    examples = [array for part in parts for array in part]
    if not all(isinstance(array, np.ndarray) and array.ndim == np.ndim(examples[0]) for array in examples):
        raise DataError(f"{', '.join(files)}: column {name!r} has values of different shapes")
    return examples
