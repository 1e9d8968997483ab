"""A commented spec for a table of unknown content."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.looking.detect import source_of, source_spec
from tfcli.data.sources.tabular import Columns, TabularSource
from tfcli.data.table import missing
from tfcli.data.uneven import is_uneven
from tfcli.declare import nearest
from tfcli.errors import DataError, SpecError
from tfcli.runner.guess_arrays import folder_spec, own_scale, plain_name
from tfcli.runner.guess_series import date_format, named_as_file, series_of, series_spec
from tfcli.spec.dump import flow

_LABELS = (
    *("label", "labels", "target", "class", "species", "category", "y", "outcome", "survived", "diagnosis", "income"),
    *("churn", "spam", "sentiment", "quality", "score", "rating", "price", "mpg"),
)
"""Names of what is usually predicted; the first that fits is taken."""
_ENDINGS = ("label", "class", "target", "price", "value", "score", "rating")
"""Last words of such names."""
_CLASSES = ("label", "labels", "target", "class", "species", "category", "y", "outcome", "diagnosis")
"""Names under which whole numbers are classes, whatever they are."""
_FEWEST_ROWS = 8
_MOST_CLASSES = 50
_FEW_NUMBERS = 10
"""Whole numbers with no more different values than this are taken for categories."""
_MANY_TEXTS = 50
"""Texts with more different values than this are hashed."""
_WORDS = 4
"""Texts that are different in each row and have at least so many words in the mean are for reading."""
TEXT = "text"


@dataclass(frozen=True)
class Guess:
    """What a column is taken for: `feature` as in a spec, or None for a column that is left out, and why."""

    name: str
    feature: str | None
    reason: str


def guess_spec(file: Path, label: str | None = None, folder: Path | None = None) -> str:
    """The text of a spec that trains on `file` (a table, or a folder) as it is, its path written relative to `folder`.

    The label is the column `label`, else one with a telling name, else the last. Raises DataError for a file that
    cannot be used.
    """
    spec = source_spec(file)
    spec["path"] = os.path.relpath(spec["path"], folder or Path.cwd())
    source = source_of(file)
    if not isinstance(source, TabularSource):
        if label is not None:
            raise SpecError(f"--label names a column of a table; in {file} the label is a folder's or a file's name")
        return folder_spec(file, spec, source)
    columns = source.read(Path.cwd()).columns
    if label is None and spec["type"] == "csv" and (series := series_of(columns, file, _telling(columns))) is not None:
        return series_spec(file, spec, columns, series)
    target = _label(columns, label, file)
    gaps = missing(columns[target])
    if gaps.any():
        spec["missing_label"] = "skip"
        columns = {name: column[~gaps] for name, column in columns.items()}
    if len(columns[target]) < _FEWEST_ROWS:
        raise DataError(f"{file} has {len(columns[target])} rows with a label; training takes {_FEWEST_ROWS} at least")
    return _text(file, columns, target, spec | {"label": target}, int(gaps.sum()))


def _label(columns: Columns, label: str | None, file: Path) -> str:
    if len(columns) < 2:
        raise DataError(f"{file} has one column; a label and something to predict it from are needed")
    if label is not None and label not in columns:
        hint = nearest(label, columns) or f"its columns are: {', '.join(columns)}"
        raise SpecError(f"{file} has no column {label!r}; {hint}")
    chosen = label or _likely_label(columns, file)
    known = columns[chosen][~missing(columns[chosen])]
    if len(known) and not is_uneven(known) and known.ndim == 1 and len(np.unique(known)) < 2:
        raise DataError(f"{file}: the label {chosen!r} is {known[0]!r} in all rows; name another with --label")
    return chosen


def _likely_label(columns: Columns, file: Path) -> str:
    """The column with a telling name, or the file's, else the last that is not a text of its own in each row, as a name
    is."""
    fitting = [*_telling(columns), *named_as_file(columns, file)]
    if fitting:
        return fitting[0]
    backwards = list(columns)[::-1]
    classes = (name for name in backwards if columns[name].dtype != object or _has_classes(columns[name]))
    return next(classes, backwards[0])


def _telling(columns: Columns) -> list[str]:
    """The columns with names of what is usually predicted, the likeliest first."""
    lowered = {name.lower(): name for name in columns}
    ends = {re.split(r"[\W_]+", name)[-1]: lowered[name] for name in lowered}
    return [lowered[name] for name in _LABELS if name in lowered] + [ends[end] for end in _ENDINGS if end in ends]


def _has_classes(column: np.ndarray) -> bool:
    """Whether texts repeat often enough to be classes."""
    return not is_uneven(column) and len(np.unique(column)) <= min(_MOST_CLASSES, len(column) / 2)


def _guess(name: str, column: np.ndarray) -> Guess:
    if column.ndim > 1 or is_uneven(column):
        return Guess(name, None, "it has lists")
    absent = missing(column)
    known = column[~absent]
    if known.dtype.kind == "f" and np.isinf(known).any():
        return Guess(name, None, "it has infinite numbers")
    distinct = len(np.unique(known))
    if distinct < 2:
        return Guess(name, None, "it is the same in all rows")
    gaps = f", missing in {absent.sum()} rows" if absent.any() else ""
    values = f"{distinct} different values{gaps}"
    if (written := date_format(known)) is not None:
        gap = ", missing: mean, indicator: true" if absent.any() else ""
        return Guess(name, f"{{type: date{written}{gap}}}", values)
    if column.dtype == object:
        if distinct > len(column) / 2 and np.mean([len(text.split()) for text in known]) >= _WORDS:
            return Guess(name, TEXT, f"texts of words{gaps}")
        if distinct > len(column) / 2 and distinct > _MANY_TEXTS:
            return Guess(name, None, f"a text with {values}, more an identifier than a category")
        if distinct > _MANY_TEXTS:
            return Guess(name, "{type: string_hashed, num_bins: 64}", f"a text with {values}")
        return Guess(name, "string_categorical", values)
    if distinct <= _FEW_NUMBERS and (known == np.floor(known)).all():
        return Guess(name, "integer_categorical", values)
    if column.dtype.kind in "iu" and distinct == len(column) and (np.diff(column) == 1).all():
        return Guess(name, None, "it counts the rows")
    if absent.any():
        return Guess(name, "{type: float_normalized, missing: mean, indicator: true}", values)
    return Guess(name, "float_normalized", values)


def _text(file: Path, columns: Columns, label: str, source: dict[str, Any], unlabelled: int) -> str:
    guesses = [_guess(name, column) for name, column in columns.items() if name != label]
    if not any(guess.feature for guess in guesses):
        reasons = "; ".join(f"{guess.name!r}: {guess.reason}" for guess in guesses)
        raise DataError(
            f"{file}: no column besides {label!r} says anything ({reasons}); there is nothing to predict from"
        )
    texts = [guess.name for guess in guesses if guess.feature == TEXT]
    target, rows = columns[label], len(columns[label])
    classes = _number_of_classes(target, label)
    lines = [
        f"# Guessed from {file.name} ({rows:,} rows). See what it makes of the data: tfcli check THIS_FILE",
        f"name: {flow(plain_name(file))}",
        "seed: 42                  # every random number comes from it",
        "",
        "data:",
        "  # label: the column to predict, guessed by its name or place; `tfcli init FILE --label COLUMN` sets another",
        *(["  # the file has no header; these names were made up for its columns"] if "columns" in source else []),
        *([f"  # {unlabelled:,} rows have no label; they are left out"] if unlabelled else []),
        f"  source: {flow(source)}",
        f"  split: {_split(target, classes)}",
        "  features:               # how each column becomes numbers; learned from the training split alone",
        *_feature_lines(guesses),
        "  pipeline:",
        *_text_stages(texts),
        "    - {type: shuffle, buffer_size: 100000}",
        "    - {type: batch, batch_size: 32}",
        "",
        "model:",
        "  layers:",
        *_joined(texts, len(texts) < sum(guess.feature is not None for guess in guesses)),
        *(_regressor(target) if classes is None else _classifier(classes, target)),
        "",
        "train:",
        "  epochs: 50",
        "  early_stopping: {monitor: val_loss, patience: 10, restore_best_weights: true}",
    ]
    return "\n".join(lines) + "\n"


def _feature_lines(guesses: list[Guess]) -> Iterator[str]:
    used = {guess.name: f"    {flow(guess.name)}: {guess.feature}" for guess in guesses if guess.feature}
    width = max(map(len, used.values()))
    for guess in guesses:
        if guess.feature:
            yield f"{used[guess.name]:<{width}}  # {guess.reason}"
        else:
            yield f"    # {flow(guess.name)} is left out: {guess.reason}"


def _text_stages(texts: list[str]) -> Iterator[str]:
    for name in texts:
        options = {"type": "text_vectorization", "features": name, "max_tokens": 5000, "output_mode": "multi_hot"}
        yield f"    - {flow(options)}   # which of the 5,000 most frequent words it has"


def _joined(texts: list[str], has_others: bool) -> Iterator[str]:
    """One vector of all inputs, where there are several."""
    inputs = [*(["features"] if has_others else []), *texts]
    if len(inputs) > 1:
        yield f"    - {flow({'type': 'concatenate', 'inputs': inputs})}"


def _number_of_classes(target: np.ndarray, name: str) -> int | None:
    """How many classes a label has: texts, or whole numbers that are from 0 without gaps, or are called a class."""
    if target.ndim > 1:
        return None
    values = np.unique(target)
    if target.dtype == object:
        if not _has_classes(target):
            message = (
                f"the label is a text with {len(values)} different values in {len(target)} rows, like {values[0]!r}"
            )
            comma = ", and a number has a point, no comma" if re.fullmatch(r"-?\d+,\d+", values[0]) else ""
            raise DataError(f"{message}: neither classes nor numbers{comma}; name another with --label")
        return len(values)
    if target.dtype.kind not in "iu" or not 0 <= values[0] <= values[-1] < _MOST_CLASSES:
        return None
    is_counted = np.array_equal(values, np.arange(len(values)))
    return int(values[-1]) + 1 if is_counted or name.lower() in _CLASSES else None


def _split(target: np.ndarray, classes: int | None) -> str:
    counts = np.unique(target, return_counts=True)[1]
    stratify = ", stratify: true" if classes is not None and counts.min() >= 7 else ""
    return f"{{validation: 0.15, test: 0.15{stratify}}}"


_HIDDEN = ["    - {type: dense, units: 64, activation: relu}", "    - {type: dense, units: 32, activation: relu}"]


def _classifier(classes: int, target: np.ndarray) -> list[str]:
    never = "" if len(np.unique(target)) == classes else f" from 0 to {classes - 1}, though some never occur"
    return [
        *_HIDDEN,
        f"    - {{type: dense, units: {classes}, activation: softmax}}   # a probability for each class{never}",
        "",
        "loss: sparse_categorical_crossentropy",
        "optimizer: {type: adam, learning_rate: 0.001}",
        "metrics: [accuracy]",
    ]


def _regressor(target: np.ndarray) -> list[str]:
    return [
        *_HIDDEN,
        f"    - {{type: dense, units: {1 if target.ndim == 1 else target.shape[-1]}}}",
        *(own_scale(target) if target.ndim == 1 else []),
        "",
        "loss: mean_squared_error",
        "optimizer: {type: adam, learning_rate: 0.001}",
        "metrics: [mean_absolute_error]",
    ]
