"""Where a table is not what its schema expects, found while its rows pass by."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from tfcli.data.dates import parse_dates
from tfcli.data.looking.drift import Distance
from tfcli.data.looking.schema import ColumnSchema, TableSchema
from tfcli.data.looking.statistics import TableSketch, show_value
from tfcli.data.table import Table, parse_number
from tfcli.declare import nearest

Kind = Literal[
    "no_rows", "missing_column", "new_column", "type", "range", "new_values", "missing_values", "shape", "drift", "skew"
]
_EXAMPLES = 5


@dataclass(frozen=True)
class Anomaly:
    """One thing wrong with a column. `count` of its rows are concerned; `examples` are the first of them."""

    column: str
    kind: Kind
    message: str
    count: int = 0
    share: float = 0.0
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class _Faults:
    """The values of a column that are wrong in one way: how many, and the first of them with their rows."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[str] = []

    def note(self, table: Table, name: str, wrong: np.ndarray) -> None:
        """wrong (N,): which rows."""
        rows = np.flatnonzero(wrong)
        self.count += len(rows)
        for row in rows[: _EXAMPLES - len(self.examples)].tolist():
            self.examples.append(f"{table.columns[name][row]!s} ({table.rows.unit} {table.rows.number[row]})")


class ColumnCheck:
    """One column held against its schema, block by block."""

    def __init__(self, name: str, schema: ColumnSchema) -> None:
        self.name, self.schema = name, schema
        self.types, self.ranges, self.values = _Faults(), _Faults(), _Faults()
        self.shapes: set[tuple[int, ...]] = set()
        self.rows = self.missing = 0
        self.unknown: dict[str, None] = {}
        self._known = None if schema.values is None else {*schema.values, ""}

    def add(self, table: Table) -> None:
        column = table.columns[self.name]
        self.rows += len(column)
        if column.ndim > 1 or self.schema.type == "array":
            self.shapes.add(column.shape[1:])
            return
        missing = column == "" if column.dtype == object else np.isnan(column.astype(np.float64))
        self.missing += int(missing.sum())
        if self.schema.type in ("integer", "float", "date"):
            self._check_numbers(table, column, missing)
        elif self.schema.type == "category":
            self._check_categories(table)

    def _check_numbers(self, table: Table, column: np.ndarray, missing: np.ndarray) -> None:
        numbers = self._numbers(column)
        is_number = ~np.isnan(numbers)
        wrong = ~is_number & ~missing
        if self.schema.type == "integer":
            with np.errstate(invalid="ignore"):
                wrong |= is_number & (numbers != np.floor(numbers))
        self.types.note(table, self.name, wrong)
        low, high = self.schema.bounds
        outside = np.zeros(len(numbers), bool)
        if low is not None:
            outside |= is_number & (numbers < low)
        if high is not None:
            outside |= is_number & (numbers > high)
        self.ranges.note(table, self.name, outside)

    def _numbers(self, column: np.ndarray) -> np.ndarray:
        if self.schema.type == "date":
            return parse_dates(column) if column.dtype == object else np.full(len(column), np.nan)
        if column.dtype != object:
            return column.astype(np.float64)
        return np.array([parse_number(str(text)) for text in column.tolist()], np.float64)

    def _check_categories(self, table: Table) -> None:
        if self._known is None:
            return
        texts = table.texts(self.name)
        new = np.array([text not in self._known for text in texts.tolist()], bool)
        self.values.note(table, self.name, new)
        self.unknown |= dict.fromkeys(texts[new].tolist())

    def anomalies(self) -> Iterator[Anomaly]:
        known, schema = self.rows - self.missing, self.schema
        if self.rows and self.missing / self.rows > schema.missing:
            allowed = f"at most {schema.missing:.1%} may be" if schema.missing else "none may be"
            message = (
                f"{self.missing:,} of {self.rows:,} values ({self.missing / self.rows:.1%}) are missing; {allowed}"
            )
            yield self._anomaly("missing_values", message, self.missing)
        wanted = {tuple(schema.shape)} if schema.shape is not None else self.shapes
        if schema.type == "array" and self.shapes != wanted:
            yield self._anomaly("shape", f"has shape {sorted(self.shapes)[0]}; expected {schema.shape}", self.rows)
        elif schema.type != "array" and self.shapes:
            yield self._anomaly("type", f"has lists; expected {_typed(schema.type)}", self.rows)
        if self.types.count:
            message = f"{self.types.count:,} of {known:,} values are no {_typed(schema.type)}"
            yield self._anomaly("type", message, self.types.count, self.types)
        if self.ranges.count:
            message = f"{self.ranges.count:,} of {known:,} values are outside {_range(schema)}"
            yield self._anomaly("range", message, self.ranges.count, self.ranges)
        if known and self.values.count / known > schema.unknown:
            shown = ", ".join(map(repr, list(self.unknown)[:_EXAMPLES])) + (
                ", …" if len(self.unknown) > _EXAMPLES else ""
            )
            message = f"{self.values.count:,} of {known:,} values are no category that is known: {shown}"
            close = nearest(next(iter(self.unknown)), schema.values or [])
            yield self._anomaly("new_values", message + (f"; {close}" if close else ""), self.values.count, self.values)

    def _anomaly(self, kind: Kind, message: str, count: int, faults: _Faults | None = None) -> Anomaly:
        return Anomaly(
            self.name, kind, message, count, count / max(self.rows, 1), tuple(faults.examples if faults else ())
        )


def _typed(kind: str) -> str:
    return {"integer": "whole number", "float": "number"}.get(kind, kind)


def _range(schema: ColumnSchema) -> str:
    low, high = schema.bounds
    kind = schema.type
    if low is None or high is None:
        return (
            f"what is at least {show_value(kind, low)}"
            if low is not None
            else f"what is at most {show_value(kind, high or 0.0)}"
        )
    return f"{show_value(kind, low)} to {show_value(kind, high)}"


class TableCheck:
    """A table held against its schema, block by block; `without` are columns that need not be there and are not
    looked at."""

    def __init__(self, schema: TableSchema, without: Iterable[str] = ()) -> None:
        self.schema, self.without = schema, set(without)
        self.columns = {n: ColumnCheck(n, column) for n, column in schema.columns.items() if n not in self.without}
        self._names: list[str] = []

    def add(self, table: Table) -> None:
        self._names = list(table.columns)
        for name, check in self.columns.items():
            if name in table.columns:
                check.add(table)

    def anomalies(self) -> Iterator[Anomaly]:
        for name, check in self.columns.items():
            if name in self._names:
                yield from check.anomalies()
            elif check.schema.required:
                hint = nearest(name, [n for n in self._names if n not in self.schema.columns])
                yield Anomaly(name, "missing_column", "the column is not there" + (f"; {hint}" if hint else ""))
        if not self.schema.additional:
            for name in self._names:
                if name not in self.schema.columns and name not in self.without:
                    yield Anomaly(name, "new_column", "the schema does not have this column")


def distance_anomaly(distance: Distance, kind: Literal["drift", "skew"], other: str) -> Anomaly:
    """A distance above its threshold as an anomaly."""
    measure = {"jensen_shannon": "Jensen-Shannon divergence", "l_infinity": "L-infinity distance"}[distance.measure]
    message = (
        f"{measure} from {other} is {distance.value:.3f}, more than {distance.threshold:g}; "
        f"most of all {distance.most}: {distance.before:.1%} there, {distance.now:.1%} here"
    )
    return Anomaly(distance.column, kind, message)


def validated(tables: Iterable[Table], name: str, check: TableCheck) -> TableSketch:
    """One pass: what is wrong goes to `check`, statistics are returned."""
    result = TableSketch(name)
    for table in tables:
        check.add(table)
        result.add(table)
    return result
