"""Labels: texts become an index, numbers stay numbers."""

from itertools import repeat
from typing import Any

import numpy as np

from tfcli.data.table import Table, missing
from tfcli.data.uneven import in_floats, is_uneven
from tfcli.declare import nearest
from tfcli.errors import DataError


def learn_labels(train: Table) -> dict[str, Any]:
    """{label column of texts: its distinct values in the training split, sorted, or all in the source's own order}.

    Raises DataError where one is missing.
    """
    classes = {}
    for name in train.labels:
        column = train.columns[name]
        if column.dtype == object and not is_uneven(column):
            _refuse_missing(train, name, column)
            classes[name] = train.classes.get(name) or sorted(set(column.ravel().tolist()))
    return classes


def encode_labels(table: Table, classes: dict[str, list[str]], floatx: str) -> dict[str, np.ndarray]:
    """Targets by name: texts as int64 index into `classes`, booleans and whole numbers as they are, numbers as
    `floatx`.

    Raises DataError, naming the row, for a missing label and for one that the training split does not have.
    """
    return {name: _encode(table, name, classes.get(name), floatx) for name in table.labels}


def _encode(table: Table, name: str, classes: list[str] | None, floatx: str) -> np.ndarray:
    column = table.columns[name]
    if classes is not None:
        return _indices(table, name, classes)
    if is_uneven(column):
        return in_floats(column, floatx)
    if column.dtype == object:
        column = table.numbers(name)
    if column.dtype.kind == "f":
        _refuse_missing(table, name, column)
        return column.astype(floatx, copy=False)
    return column.astype(np.int64) if column.dtype == bool else column


def _indices(table: Table, name: str, classes: list[str]) -> np.ndarray:
    texts = table.texts(name)
    _refuse_missing(table, name, texts)
    index = {text: i for i, text in enumerate(classes)}
    codes = list(map(index.get, texts.ravel().tolist(), repeat(-1)))
    if -1 in codes:
        at = codes.index(-1)
        value = texts.ravel()[at]
        hint = nearest(value, classes) or f"it has: {', '.join(classes[:10])}{'…' if len(classes) > 10 else ''}"
        where = table.where(at // max(1, texts.size // len(texts)), name)
        raise DataError(f"{where}: the label {value!r} does not occur in the training split; {hint}")
    return np.array(codes, np.int64).reshape(texts.shape)


def encode_weights(table: Table, floatx: str) -> np.ndarray | None:
    """The examples' weights (N,); None where the source has none. Raises DataError for a missing or negative one."""
    if table.weight is None:
        return None
    weights = table.numbers(table.weight)
    if weights.ndim != 1:
        raise DataError(
            f"sample_weight: {table.weight!r} has shape {weights.shape}; one weight an example was expected"
        )
    wrong = ~(weights >= 0)
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(
            f"{table.where(at, table.weight)}: expected a weight, a number of at least 0, got {weights[at]}"
        )
    return weights.astype(floatx)


def _refuse_missing(table: Table, name: str, column: np.ndarray) -> None:
    rows = missing(column)
    if rows.any():
        where = table.where(int(rows.argmax()), name)
        leave_out = " (in the source of a table, `missing_label: skip`)" if table.tabular else ""
        raise DataError(
            f"{where}: the label is missing; give it a value, or leave the row out{leave_out}; {rows.sum()} in all"
        )
