"""What sources of named columns have in common."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfcli.data.files import Blob, find
from tfcli.data.source import Names, Source
from tfcli.data.table import Rows, Table, as_list
from tfcli.declare import PathString, nearest
from tfcli.errors import DataError

Columns = dict[str, np.ndarray]


class TabularSource(Source, abstract=True):
    """Files of named columns. A glob's files are one table, in order of their names."""

    path: PathString
    """A file or a glob; `bundled:iris`, `bundled:penguins` and `bundled:co2` are files that come with the package."""
    label: Names | None = None
    """The column (or columns) to predict."""
    features: Names | None = None
    """The columns to predict from. Default: every other column."""
    sample_weight: str | None = None
    """A column of weights, one an example."""

    def read(self, root: Path) -> Table:
        return self.table(find(root, self.path), labelled=True)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self._reader(blob).table([blob], labelled)

    def _reader(self, blob: Blob) -> "TabularSource":
        """This source, or the one whose files have the suffix of `blob`: what learned from CSV can predict from JSON
        lines."""
        assert Source.registry is not None
        cls = Source.registry.find(blob.suffix.removeprefix("."))
        if cls is None or isinstance(self, cls) or not issubclass(cls, TabularSource):
            return self
        return cls(path=self.path, label=self.label, features=self.features, sample_weight=self.sample_weight)

    def columns_of(self, blob: Blob) -> tuple[Columns, Rows]:
        """The columns of one file, in its order."""
        raise AssertionError(f"{type(self).__name__} must define columns_of")

    def table(self, blobs: Sequence[Blob], labelled: bool) -> Table:
        columns, rows = join([self.columns_of(blob) for blob in blobs])
        labels = as_list(self.label) if labelled else []
        weight = self.sample_weight if labelled else None
        rest = [name for name in columns if name not in as_list(self.label) and name != self.sample_weight]
        features = as_list(self.features) or rest
        for name in [*features, *labels, *as_list(weight)]:
            if name not in columns:
                hint = nearest(name, columns) or f"its columns are: {', '.join(columns)}"
                raise DataError(f"{rows.files[0]}: has no column {name!r}; {hint}")
        files = {file: digest for blob in blobs for file, digest in blob.fingerprint().items()}
        return Table(columns, features, rows, labels, weight, files, tabular=True)


def join(parts: Sequence[tuple[Columns, Rows]]) -> tuple[Columns, Rows]:
    """The tables one below the other. Raises DataError where they do not have the same columns."""
    first, first_rows = parts[0]
    if len(parts) == 1:
        return first, first_rows
    for columns, rows in parts[1:]:
        different = sorted(set(columns) ^ set(first))
        if different:
            raise DataError(f"{rows.files[0]} and {first_rows.files[0]} do not have the same columns: {different}")
    rows = Rows(
        [file for _, part in parts for file in part.files],
        np.concatenate([part.file + i for i, (_, part) in enumerate(parts)]),
        np.concatenate([part.number for _, part in parts]),
    )
    return {name: _stack([columns[name] for columns, _ in parts], name, rows) for name in first}, rows


def _stack(columns: list[np.ndarray], name: str, rows: Rows) -> np.ndarray:
    if len({column.shape[1:] for column in columns}) > 1:
        raise DataError(f"{', '.join(rows.files)}: column {name!r} has lists of different lengths")
    if any(column.dtype == object for column in columns):
        # Where one file has texts, the others' numbers are texts too: parsing anew keeps "" as the missing one.
        columns = [column if column.dtype == object else _as_texts(column) for column in columns]
    return np.concatenate(columns)


def _as_texts(column: np.ndarray) -> np.ndarray:
    return np.array(["" if value != value else str(value) for value in column.tolist()], object)
