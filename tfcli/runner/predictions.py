"""Predictions as arrays and as tables, and the files they go to."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import SpecError
from tfcli.logging.durable import write_bytes
from tfcli.models.trainer import Head
from tfcli.runner.outcomes import predicted_classes, probabilities


@dataclass(frozen=True)
class Predictions:
    """`outputs`: the model's outputs by name (N, …), rows in the order of the examples."""

    outputs: dict[str, np.ndarray]
    heads: Sequence[Head]
    class_names: Mapping[str, list[str]]
    remarks: Sequence[str] = ()
    """What is odd about the examples, categories never seen say."""

    def columns(self) -> dict[str, np.ndarray]:
        """The outputs as a table, one row an example.

        A classifier gives `prediction`, a class's name or number, and `probability_CLASS` for each class; any other
        model `prediction`, or `prediction_0`, … where an output has several entries. With several outputs, the
        output's name and `_` come before each.
        """
        table: dict[str, np.ndarray] = {}
        for head in self.heads:
            columns = _head_columns(head, self.outputs[head.output], self.class_names.get(head.target))
            table |= {f"{head.prefix}{name}": column for name, column in columns.items()}
        return table

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))


def _head_columns(head: Head, output: np.ndarray, names: list[str] | None) -> dict[str, np.ndarray]:
    classes = predicted_classes(head, output)
    if classes is None:
        return _spread(output)
    if names is not None:
        classes = np.array(names, object)[classes]
    columns = _spread(classes)
    if classes.ndim == 1:
        shares = probabilities(head, output)
        labels = names or [str(i) for i in range(shares.shape[1])]
        columns |= {f"probability_{label}": shares[:, i] for i, label in enumerate(labels)}
    return columns


def _spread(values: np.ndarray) -> dict[str, np.ndarray]:
    """(N, …) as a column for each entry of an example."""
    if values[:1].size == 1:
        return {"prediction": values.reshape(-1)}
    return {f"prediction_{'_'.join(map(str, at))}": values[(slice(None), *at)] for at in np.ndindex(values.shape[1:])}


def to_csv(predictions: Predictions) -> bytes:
    columns = predictions.columns()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.astype(str).tolist() for column in columns.values()), strict=True))
    return text.getvalue().encode()


def to_jsonl(predictions: Predictions) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows(predictions)).encode()


def rows(predictions: Predictions) -> Iterator[dict[str, Any]]:
    """One mapping an example. Floats are the shortest that read back as the same value in their dtype."""
    columns = predictions.columns()
    values = [_python_values(column) for column in columns.values()]
    return (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))


def _python_values(column: np.ndarray) -> list[Any]:
    return [float(text) for text in column.astype(str)] if column.dtype.kind == "f" else column.tolist()


def to_npz(predictions: Predictions) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **predictions.outputs)
    return file.getvalue()


def to_npy(predictions: Predictions) -> bytes:
    if len(predictions.outputs) > 1:
        names = ", ".join(predictions.outputs)
        raise SpecError(f"a .npy file holds one array, and the model has the outputs {names}; write a .npz file")
    file = io.BytesIO()
    np.save(file, next(iter(predictions.outputs.values())), allow_pickle=False)
    return file.getvalue()


def to_parquet(predictions: Predictions) -> bytes:
    import polars

    columns = {name: c.tolist() if c.dtype == object else c for name, c in predictions.columns().items()}
    file = io.BytesIO()
    polars.DataFrame(columns).write_parquet(file)
    return file.getvalue()


FORMATS: dict[str, Callable[[Predictions], bytes]] = {
    ".csv": to_csv,
    ".jsonl": to_jsonl,
    ".npz": to_npz,
    ".npy": to_npy,
    ".parquet": to_parquet,
}


def format_of(path: Path) -> Callable[[Predictions], bytes]:
    """What writes files with the suffix of `path`. Raises SpecError where nothing does."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise SpecError(f"cannot write predictions to {path}: its name must end in one of {', '.join(FORMATS)}")
    return form


def save(predictions: Predictions, path: Path) -> None:
    """Write `path`, all of it or nothing. Raises SpecError for an unknown suffix, CheckpointError on a full disk."""
    write_bytes(path, format_of(path)(predictions))
