"""numpy's .npz and .npy files."""

from pathlib import Path

import numpy as np

from tfcli.data.arrays import is_npy, read_npy, read_npz
from tfcli.data.files import Blob, find
from tfcli.data.source import Names, Source
from tfcli.data.table import Rows, Table, as_list
from tfcli.declare import PathString
from tfcli.errors import DataError


class Npz(Source, name="npz"):
    """Arrays of a .npz file; the first axis is the examples."""

    path: PathString
    features: Names = "x"
    """Its arrays that are model inputs: matched to the model's inputs by name, else in order."""
    label: Names | None = "y"
    sample_weight: str | None = None

    def read(self, root: Path) -> Table:
        return self._table(find_one(root, self.path), labelled=True)

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
    """The model's input."""
    label: PathString | None = None
    """The targets' file."""

    def read(self, root: Path) -> Table:
        table = single_array(find_one(root, self.path), ["x"], False)
        if self.label is None:
            return table
        blob = find_one(root, self.label)
        columns = table.columns | {"y": read_npy(blob)}
        return Table(columns, ["x"], table.rows, ["y"], None, table.files | blob.fingerprint())

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return single_array(blob, ["x"], labelled and self.label is not None)


def find_one(root: Path, path: str) -> Blob:
    """The one file at `path`. Raises DataError where a glob finds several."""
    blobs = find(root, path)
    if len(blobs) > 1:
        raise DataError(f"{path} matches {len(blobs)} files; one was expected: {', '.join(b.name for b in blobs[:5])}")
    return blobs[0]


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
