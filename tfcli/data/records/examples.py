"""Example protos as columns: thousands of them parsed in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfcli.data.records.compiled import Kernels, kernels_for
from tfcli.data.records.frames import Records
from tfcli.data.records.kernels import BYTES, FLOATS, INTEGERS
from tfcli.errors import DataError

KINDS = {"string": BYTES, "float32": FLOATS, "int64": INTEGERS}
"""What a Feature may hold, by TensorFlow's name of its values."""
_NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Lists:
    """A feature of many records: record i has values[offsets[i]:offsets[i + 1]], and none where it is absent.

    `values` are int64, float32 or, for texts, an object array of bytes.
    """

    values: np.ndarray
    offsets: np.ndarray
    present: np.ndarray

    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


class Parser:
    """Reads the features `wanted`, {name: "string" | "float32" | "int64"}, from Example protos."""

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = dict(wanted)
        encoded = [name.encode() for name in self.wanted]
        self._names = b"".join(encoded)
        self._seen = 0
        self._bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def parse(self, records: Records) -> dict[str, Lists]:
        """The features of all records, by name. Raises DataError naming the record that is malformed or holds another
        kind of values."""
        self._seen += int((records.ends - records.starts).sum())
        kernels = kernels_for(self._seen)
        kinds = np.zeros((len(records), len(self.wanted)), np.uint8)
        first, last = np.zeros((2, *kinds.shape), np.int64)
        spans = (kinds, first, last)
        wrong = kernels.run.find_features(
            records.data, records.starts, records.ends, self._names, self._bounds, *(span.reshape(-1) for span in spans)
        )
        if wrong >= 0:
            raise DataError(f"{records.where(wrong)}: is not an Example proto")
        columns = zip(self.wanted.items(), *(np.ascontiguousarray(span.T) for span in spans), strict=True)
        return {name: _lists(kernels, records, name, dtype, *span) for (name, dtype), *span in columns}


def _lists(kernels: Kernels, records: Records, name: str, dtype: str, *span: np.ndarray) -> Lists:
    kind, (kinds, first, last) = KINDS[dtype], span
    counts = np.zeros(len(records), np.int64)
    wrong = kernels.run.count_lists(records.data, kinds, first, last, kind, counts)
    if wrong >= 0:
        held = _NAMES.get(int(kinds[wrong]), "nothing")
        what = "is malformed" if held == dtype else f"holds {held} values, expected {dtype}"
        raise DataError(f"{records.where(wrong)}: feature {name!r} {what}")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    values = _values(kernels, records.data, kind, span, offsets)
    if values is None:
        raise DataError(f"{records.where(0)}: feature {name!r} is malformed")
    return Lists(values, offsets, kinds != 0)


def _values(
    kernels: Kernels, data: bytes, kind: int, span: Sequence[np.ndarray], offsets: np.ndarray
) -> np.ndarray | None:
    count = int(offsets[-1])
    if kind == INTEGERS:
        integers = np.empty(count, np.int64)
        return integers if kernels.run.read_integers(data, *span, offsets, integers) < 0 else None
    if kind == FLOATS:
        content = np.empty(4 * count, np.uint8)
        kernels.run.read_floats(data, *span, offsets, content)
        return content.view("<f4").astype(np.float32, copy=False)
    begins, ends = np.empty((2, count), np.int64)
    kernels.run.find_texts(data, *span, offsets, begins, ends)
    texts = np.empty(count, object)
    texts[:] = [data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
    return texts
