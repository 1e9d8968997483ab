"""What a table's columns are expected to be: inferred from one file, written as JSON, and held against others.

{
  "version": 1,
  "columns": {
    "age": {"type": "integer", "low": 17, "high": 90},
    "sex": {"type": "category", "values": ["Female", "Male"]},
    "note": {"type": "text", "missing": 0.5, "required": false}
  },
  "drift": 0.1,
  "skew": 0.1
}
"""

import json
from collections.abc import Callable
from math import ceil, floor, log10
from pathlib import Path
from typing import Annotated, Any, Literal

from tfcli.data.dates import parse_date, show_date
from tfcli.data.files import Blob
from tfcli.data.looking.statistics import ColumnStatistics, NumberStatistics, TableSketch
from tfcli.declare import Declared, FieldError, Probability, Problem, Range, convert
from tfcli.errors import DataError

Distance = Annotated[float, Range(low=0, high=1)]
_DAY = 86400.0


class ColumnSchema(Declared, name="column"):
    """What one column is expected to be."""

    type: Literal["integer", "float", "date", "category", "text", "array"]
    required: bool = True
    """The column must be there."""
    missing: Probability = 0.0
    """The largest share of rows in which it may be missing."""
    low: int | float | str | None = None
    """The smallest number, or the earliest date as text."""
    high: int | float | str | None = None
    values: list[str] | None = None
    """The categories. Default: any."""
    unknown: Probability = 0.0
    """The largest share of categories that are not among `values`."""
    shape: list[int] | None = None
    """An array's sizes."""
    drift: Distance | None = None
    """The largest distance from an earlier file. Default: the table's."""
    skew: Distance | None = None
    """The largest distance from the training file. Default: the table's."""

    def check(self) -> None:
        for name in ("low", "high"):
            bound = getattr(self, name)
            if isinstance(bound, str) and (self.type != "date" or parse_date(bound) is None):
                expected = "a date such as 2024-02-29" if self.type == "date" else "a number"
                raise FieldError(name, f"expected {expected}, got {bound!r}")
        if self.values is not None and self.type != "category":
            raise FieldError("values", f"are categories, and a column of type {self.type} has none")

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Numbers; of dates their seconds since 1970."""
        return _number(self.low), _number(self.high)


class TableSchema(Declared, name="schema"):
    """What a table is expected to be."""

    columns: dict[str, ColumnSchema]
    version: Literal[1] = 1
    additional: bool = False
    """Other columns may be there."""
    drift: Distance = 0.1
    """The largest distance of a column from an earlier file: the Jensen-Shannon divergence (base 2) of numbers, the
    largest difference of a category's share."""
    skew: Distance = 0.1
    """The largest distance of a column from the training file."""

    def to_json(self) -> str:
        """What `load_schema` reads, a column a line; what has its default is left out."""
        columns = [f"    {_json(name)}: {_json(_changed(column))}" for name, column in self.columns.items()]
        rest = [f"  {_json(name)}: {_json(value)}" for name, value in _changed(self, ("columns", "version")).items()]
        return ",\n".join(['{\n  "version": 1', '  "columns": {\n' + ",\n".join(columns) + "\n  }", *rest]) + "\n}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(bound: float | str | None) -> float | None:
    return parse_date(bound) if isinstance(bound, str) else bound


def _changed(declared: Declared, without: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = declared.fields()
    values = {name: value for name, value in declared.spec().items() if name not in without}
    return {name: value for name, value in values.items() if fields[name].required or value != fields[name].default}


def load_schema(path: Path) -> TableSchema:
    """Raises DataError, with every problem, for a file that is no schema."""
    try:
        value = json.loads(Blob(str(path), path).read())
    except ValueError as error:
        raise DataError(f"{path}: is no JSON: {error}; `tfcli data schema FILE -o {path}` writes one") from error
    if not isinstance(value, dict) or "columns" not in value:
        raise DataError(f"{path}: is no schema: expected a JSON object with `version` and `columns`")
    problems: list[Problem] = []
    schema = convert(TableSchema, value, (), problems)
    if problems:
        raise DataError("\n  ".join([f"{path}: is no schema:", *map(str, problems)]))
    return schema


def infer(table: TableSketch, slack: float = 0.1) -> TableSchema:
    """The schema that `table` fits. Ranges are wider than its own by `slack` of their width, shares of what is missing
    by `slack`."""
    columns = {name: _column(sketch.statistics(), table, slack) for name, sketch in table.columns.items()}
    return TableSchema(columns)


def _column(found: ColumnStatistics, table: TableSketch, slack: float) -> ColumnSchema:
    values: dict[str, Any] = {"type": found.type}
    if found.missing:
        values["missing"] = round(min(1.0, found.missing / found.rows + slack), 4)
    if found.type == "array":
        values["shape"] = list(found.shape)
    elif found.type == "category":
        values["values"] = sorted(table.columns[found.name].texts.counts)
    elif found.numbers is not None and not _counts_rows(found):
        values["low"], values["high"] = _bounds(found.type, found.numbers, slack)
    return ColumnSchema(**values)


def _counts_rows(found: ColumnStatistics) -> bool:
    """Whether it is a number of its own for each row, with which other files go on where this one ends."""
    numbers = found.numbers
    is_key = found.type == "integer" and found.distinct == found.rows > 1
    return is_key and numbers is not None and numbers.high - numbers.low == found.rows - 1


def _bounds(kind: str, numbers: NumberStatistics, slack: float) -> tuple[float | str, float | str]:
    """Rounded away from the numbers; a bound never changes its sign, as counts and prices do not."""
    more = slack * (numbers.high - numbers.low)
    low = max(numbers.low - more, 0.0) if numbers.low >= 0 else numbers.low - more
    high = min(numbers.high + more, 0.0) if numbers.high <= 0 else numbers.high + more
    if kind == "date":
        return show_date(_rounded(low, _DAY, floor)), show_date(_rounded(high, _DAY, ceil))
    if kind == "integer":
        return floor(low), ceil(high)
    unit = 10.0 ** (floor(log10(high - low or 1.0)) - 3)
    return _rounded(low, unit, floor), _rounded(high, unit, ceil)


def _rounded(number: float, unit: float, how: Callable[[float], int]) -> float:
    return float(f"{how(number / unit) * unit:.15g}")
