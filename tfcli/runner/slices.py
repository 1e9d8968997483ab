"""Parts of the data, by `--slice sex,age<30`: a column's values, or the examples of which a condition holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tfcli.declare import nearest
from tfcli.errors import SpecError
from tfcli.runner.expressions import Column, parse_condition
from tfcli.spec.diagnostics import Diagnostic, InvalidSpec

_MOST_VALUES = 30
_OPTION = "--slice"


@dataclass(frozen=True)
class Slice:
    """A part of the examples: `chosen` (N,) bool."""

    name: str
    chosen: np.ndarray


def make_slices(text: str, columns: Mapping[str, np.ndarray]) -> list[Slice]:
    """The slices that a text with commas asks for. Raises SpecError."""
    columns = {name: column for name, column in columns.items() if column.ndim == 1}
    if not columns:
        raise SpecError("--slice needs a table: these examples have no columns of single values")
    items = [item.strip() for item in _split(text)]
    if not all(items):
        raise SpecError(f"--slice {text}: there is nothing before or after a comma; as in --slice sex,age<30")
    return [part for item in items for part in _parts(item, columns)]


def _split(text: str) -> list[str]:
    """At the commas outside of quotes and lists."""
    return re.findall(r"""(?:"[^"]*"|'[^']*'|\[[^]]*\]|[^,])+|(?<=,)(?=,|$)|^(?=,|$)""", text)


def _parts(item: str, columns: Mapping[str, np.ndarray]) -> list[Slice]:
    if item in columns:
        return _values(item, columns[item])
    condition = parse_condition(item, _OPTION)
    for column, mark in condition.columns:
        if column.pick is not None or column.name not in columns:
            hint = nearest(column.name, columns) or f"the columns are: {', '.join(columns)}"
            raise InvalidSpec([Diagnostic(mark, f"the data has no column `{column}`", hint)])
    rows = len(next(iter(columns.values())))
    chosen = [condition.holds(partial(_cell, columns, row)) for row in range(rows)]
    return [Slice(item, np.array(chosen, bool))]


def _cell(columns: Mapping[str, np.ndarray], row: int, column: Column) -> Any:
    """A value as conditions compare it; None where it is missing."""
    value = columns[column.name][row]
    value = value.item() if hasattr(value, "item") else value
    return None if value == "" or value != value else value


def _values(name: str, column: np.ndarray) -> list[Slice]:
    """A slice for each value of a column, in order; missing ones last."""
    missing = column == "" if column.dtype == object else np.isnan(column.astype(np.float64))
    values = sorted(set(column[~missing].tolist()))
    if len(values) > _MOST_VALUES:
        example = f"{name}<{values[len(values) // 2]:g}" if not isinstance(values[0], str) else f'{name}=="{values[0]}"'
        raise SpecError(f"--slice {name}: the column has {len(values)} values; give a condition, such as {example}")
    found = [
        Slice(f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}", column == value)
        for value in values
    ]
    return [*found, Slice(f"{name} missing", missing)] if missing.any() else found
