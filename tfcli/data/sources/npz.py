"""numpy's .npz and .npy files."""

from pathlib import Path

import numpy as np

from tfcli.data.arrays import is_npy, read_npy, read_npz
from tfcli.data.files import Blob, find
from tfcli.data.source import Names, Source
from tfcli.data.table import Rows, Table, as_list, stacked_tables
from tfcli.declare import PathString
from tfcli.errors import DataError


class Npz(Source, name="npz"):
    """Arrays of .npz files; the first axis is the examples."""

    path: PathString
    """A file or a glob."""
    features: Names = "x"
    """Its arrays that are model inputs: matched to the model's inputs by name, else in order."""
    label: Names | None = "y"
    sample_weight: str | None = None

    def read(self, root: Path) -> Table:
        return together([self._table(blob, labelled=True) for blob in find(root, self.path)])

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self._table(blob, labelled)

    def _table(self, blob: Blob, labelled: bool) -> Table:
        features = as_list(self.features)
        if is_npy(blob):
            return single_array(blob, features, labelled and self.label is not None)
        labels = as_list(self.label) if labelled else []
        weight = self.sample_weight if labelled else None
        arrays = read_npz(blob, dict.fromkeys([*features, *labels, *as_list(weight)]))
        for name, array in arrays.items():
            if array.ndim == 0:
                raise DataError(f"{blob.name}: {name!r} is a single number; an array of examples was expected")
        rows = Rows.counted(blob.name, len(arrays[features[0]]))
        return Table(arrays, features, rows, labels, weight, blob.fingerprint())


class Npy(Source, name="npy"):
    """One array a .npy file; the first axis is the examples."""

    path: PathString
    """The model's input: a file or a glob."""
    label: PathString | None = None
    """The targets' file, or a glob of as many files."""

    def read(self, root: Path) -> Table:
        return together(
            [
                _labelled(single_array(blob, ["x"], False), labels)
                for blob, labels in file_pairs(root, self.path, self.label)
            ]
        )

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return single_array(blob, ["x"], labelled and self.label is not None)


def _labelled(table: Table, labels: Blob | None) -> Table:
    if labels is None:
        return table
    columns = table.columns | {"y": read_npy(labels)}
    return Table(columns, ["x"], table.rows, ["y"], None, table.files | labels.fingerprint())


def together(tables: list[Table]) -> Table:
    """The tables of a glob's files as one. Raises DataError where their arrays do not fit together."""
    if len(tables) == 1:
        return tables[0]
    return stacked_tables(tables, {file: digest for table in tables for file, digest in table.files.items()})


def file_pairs(root: Path, path: str, labels: str | None) -> list[tuple[Blob, Blob | None]]:
    """The files of a path, each with that of its labels, in order of name. Raises DataError where there are not as
    many of these."""
    blobs = find(root, path)
    if labels is None:
        return [(blob, None) for blob in blobs]
    others = find(root, labels)
    if len(others) != len(blobs):
        raise DataError(f"{path} matches {len(blobs)} files and {labels} {len(others)}; each needs its own labels")
    return list(zip(blobs, others, strict=True))


def single_array(blob: Blob, features: list[str], labelled: bool) -> Table:
    """The array of a .npy file as the one model input. Raises DataError where more than that is needed."""
    if labelled or len(features) != 1:
        raise DataError(f"{blob.name}: a .npy file holds one array; the inputs {features} and labels need a .npz file")
    array = read_npy(blob)
    if array.ndim == 0:
        raise DataError(f"{blob.name}: holds a single number; an array of examples was expected")
    return Table(
        {features[0]: np.asarray(array)}, features, Rows.counted(blob.name, len(array)), [], None, blob.fingerprint()
    )
