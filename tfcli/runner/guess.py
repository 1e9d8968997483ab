"""A commented spec for a table of unknown content."""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.source import Source
from tfcli.data.sources.tabular import Columns, TabularSource
from tfcli.declare import nearest
from tfcli.errors import DataError, SpecError
from tfcli.spec.dump import flow

SUFFIXES = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}
_LABELS = (
    *("label", "labels", "target", "class", "species", "category", "y", "outcome", "survived", "diagnosis"),
    *("quality", "score", "rating", "price", "mpg"),
)
_MOST_CLASSES = 50
_FEW_NUMBERS = 10
"""Whole numbers with no more different values than this are taken for categories."""
_LOOKED_AT = 1000
"""Lines that tell whether the first has the columns' names."""
_MANY_TEXTS = 50
"""Texts with more different values than this are hashed."""


@dataclass(frozen=True)
class Guess:
    """What a column is taken for: `feature` as in a spec, or None for a column that is left out, and why."""

    name: str
    feature: str | None
    reason: str


def guess_spec(file: Path, label: str | None = None, folder: Path | None = None) -> str:
    """The text of a spec that trains on `file` as it is, its path written relative to `folder`.

    The label is the column `label`, else one with a telling name, else the last. Raises DataError for a file that
    cannot be read, SpecError for one that is no table.
    """
    if file.is_dir():
        raise SpecError(f"{file} is a folder; a spec can be guessed from a CSV, Parquet or JSON lines file")
    blob = Blob(str(file), file)
    kind = SUFFIXES.get(blob.suffix)
    if kind is None:
        raise SpecError(f"cannot guess a spec from {file}: expected a file that ends in {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    assert Source.registry is not None
    cls = Source.registry.find(kind)
    assert cls is not None
    assert issubclass(cls, TabularSource)
    options = _csv_options(blob) if kind == "csv" else {}
    columns, _ = cls(path=str(file), **options).columns_of(blob)
    target = _label(columns, label, file)
    path = os.path.relpath(file, folder or Path.cwd())
    source = {"type": kind, "path": path, "label": target}
    source |= {key: value for key, value in options.items() if value != ","}
    return _text(file, columns, target, source)


def _csv_options(blob: Blob) -> dict[str, Any]:
    """What parts the values, and names for the columns of a file whose first line has none."""
    delimiter = _delimiter(blob)
    lines = blob.read().decode("utf-8-sig", "replace").splitlines()[:_LOOKED_AT]
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    if not rows or not _is_headerless(rows):
        return {"delimiter": delimiter}
    names = [f"column_{i}" for i in range(1, len(rows[0]) + 1)]
    return {"delimiter": delimiter, "header": False, "columns": names}


def _is_headerless(rows: list[list[str]]) -> bool:
    """Whether the first row is data: it has numbers, and its texts are values that come again below."""
    first, rest = rows[0], rows[1:]
    if not any(map(_is_number, first)) or not rest:
        return False
    texts = [i for i, cell in enumerate(first) if not _is_number(cell)]
    again = [i for i in texts if any(len(row) > i and row[i] == first[i] for row in rest)]
    return bool(again) or not texts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _delimiter(blob: Blob) -> str:
    """What parts the first line: the likeliest of `,`, `;`, tab and `|`."""
    head = blob.read().split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    try:
        return csv.Sniffer().sniff(head, ",;\t|").delimiter
    except csv.Error:
        return ","


def _label(columns: Columns, label: str | None, file: Path) -> str:
    if len(columns) < 2:
        raise DataError(f"{file} has one column; a label and something to predict it from are needed")
    if label is not None and label not in columns:
        hint = nearest(label, columns) or f"its columns are: {', '.join(columns)}"
        raise SpecError(f"{file} has no column {label!r}; {hint}")
    chosen = label or _likely_label(columns)
    missing = int(_missing(columns[chosen]).sum())
    if missing:
        raise DataError(
            f"{file}: the label {chosen!r} is missing in {missing} rows; remove these, or name another with --label"
        )
    return chosen


def _likely_label(columns: Columns) -> str:
    """The column with a telling name, else the last that is not a text of its own in each row, as a name is."""
    lowered = {name.lower(): name for name in columns}
    telling = next((lowered[name] for name in _LABELS if name in lowered), None)
    backwards = list(columns)[::-1]
    fitting = (name for name in backwards if columns[name].dtype != object or _has_classes(columns[name]))
    return telling or next(fitting, backwards[0])


def _has_classes(column: np.ndarray) -> bool:
    """Whether texts repeat often enough to be classes."""
    return len(np.unique(column)) <= min(_MOST_CLASSES, len(column) / 2)


def _missing(column: np.ndarray) -> np.ndarray:
    return (
        np.isnan(column) if column.dtype.kind == "f" else column == "" if column.dtype == object else np.zeros(0, bool)
    )


def _guess(name: str, column: np.ndarray) -> Guess:
    if column.ndim > 1:
        return Guess(name, None, "it has lists")
    missing = _missing(column)
    known = column[~missing] if missing.size else column
    distinct = len(np.unique(known))
    if distinct < 2:
        return Guess(name, None, "it is the same in all rows")
    gaps = f", missing in {missing.sum()} rows" if missing.any() else ""
    values = f"{distinct} different values{gaps}"
    if column.dtype == object:
        if distinct > len(column) / 2 and distinct > _MANY_TEXTS:
            return Guess(name, None, f"a text with {values}, more an identifier than a category")
        if distinct > _MANY_TEXTS:
            return Guess(name, "{type: string_hashed, num_bins: 64}", f"a text with {values}")
        return Guess(name, "string_categorical", values)
    if distinct <= _FEW_NUMBERS and (known == np.floor(known)).all():
        return Guess(name, "integer_categorical", values)
    if column.dtype.kind in "iu" and distinct == len(column) and (np.diff(column) == 1).all():
        return Guess(name, None, "it counts the rows")
    if missing.any():
        return Guess(name, "{type: float_normalized, missing: mean, indicator: true}", values)
    return Guess(name, "float_normalized", values)


def _text(file: Path, columns: Columns, label: str, source: dict[str, Any]) -> str:
    guesses = [_guess(name, column) for name, column in columns.items() if name != label]
    if not any(guess.feature for guess in guesses):
        raise DataError(f"{file}: no column besides {label!r} says anything; there is nothing to predict from")
    target, rows = columns[label], len(columns[label])
    classes = _number_of_classes(target)
    lines = [
        f"# Guessed from {file.name} ({rows:,} rows). See what it makes of the data: tfcli check THIS_FILE",
        f"name: {flow(_plain_name(file))}",
        "seed: 42                  # every random number comes from it",
        "",
        "data:",
        "  # label: the column to predict, guessed by its name or place; `tfcli init FILE --label COLUMN` sets another",
        *(["  # the file has no header; these names were made up for its columns"] if "columns" in source else []),
        f"  source: {flow(source)}",
        f"  split: {_split(target, classes)}",
        "  features:               # how each column becomes numbers; learned from the training split alone",
        *_feature_lines(guesses),
        "  pipeline:",
        "    - {type: shuffle, buffer_size: 100000}",
        "    - {type: batch, batch_size: 32}",
        "",
        *(_regressor(target) if classes is None else _classifier(classes)),
        "",
        "train:",
        "  epochs: 50",
        "  early_stopping: {monitor: val_loss, patience: 10, restore_best_weights: true}",
    ]
    return "\n".join(lines) + "\n"


def _plain_name(file: Path) -> str:
    return re.sub(r"[^\w-]+", "_", file.name.removesuffix(".gz").rsplit(".", 1)[0]).strip("_") or "experiment"


def _feature_lines(guesses: list[Guess]) -> Iterator[str]:
    used = {guess.name: f"    {flow(guess.name)}: {guess.feature}" for guess in guesses if guess.feature}
    width = max(map(len, used.values()))
    for guess in guesses:
        if guess.feature:
            yield f"{used[guess.name]:<{width}}  # {guess.reason}"
        else:
            yield f"    # {flow(guess.name)} is left out: {guess.reason}"


def _number_of_classes(target: np.ndarray) -> int | None:
    """The number of classes of a label that has them: texts, or whole numbers from 0 without gaps."""
    if target.ndim > 1:
        return None
    values = np.unique(target)
    if target.dtype == object:
        if not _has_classes(target):
            message = f"the label is a text with {len(values)} different values in {len(target)} rows"
            raise DataError(f"{message}: neither classes nor numbers; name another with --label")
        return len(values)
    is_counted = len(values) <= _MOST_CLASSES and np.array_equal(values, np.arange(len(values)))
    return len(values) if is_counted and len(values) > 1 else None


def _split(target: np.ndarray, classes: int | None) -> str:
    counts = np.unique(target, return_counts=True)[1]
    stratify = ", stratify: true" if classes is not None and counts.min() >= 7 else ""
    return f"{{validation: 0.15, test: 0.15{stratify}}}"


_HIDDEN = ["    - {type: dense, units: 64, activation: relu}", "    - {type: dense, units: 32, activation: relu}"]


def _classifier(classes: int) -> list[str]:
    return [
        "model:",
        "  layers:",
        *_HIDDEN,
        f"    - {{type: dense, units: {classes}, activation: softmax}}   # a probability for each class",
        "",
        "loss: sparse_categorical_crossentropy",
        "optimizer: {type: adam, learning_rate: 0.001}",
        "metrics: [accuracy]",
    ]


def _regressor(target: np.ndarray) -> list[str]:
    return [
        "model:",
        "  layers:",
        *_HIDDEN,
        f"    - {{type: dense, units: {1 if target.ndim == 1 else target.shape[-1]}}}",
        *(_own_scale(target) if target.ndim == 1 else []),
        "",
        "loss: mean_squared_error",
        "optimizer: {type: adam, learning_rate: 0.001}",
        "metrics: [mean_absolute_error]",
    ]


def _own_scale(target: np.ndarray) -> list[str]:
    """A frozen layer after the last: steps of an optimizer have a size of their own, whatever the label's is."""
    scale, offset = f"{target.std() or 1.0:.3g}", f"{target.mean():.3g}"
    return [
        "    # From a unit scale to the label's own: times its standard deviation, plus its mean.",
        "    - type: dense",
        "      units: 1",
        "      name: own_scale",
        "      trainable: false",
        f"      kernel_initializer: {{type: constant, value: {scale}}}",
        f"      bias_initializer: {{type: constant, value: {offset}}}",
    ]
