"""The methods that keep elements: in memory, and in files that later passes and programs read."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.data.dataset.core import UNKNOWN, Core, made
from tfcli.data.dataset.elements import Element
from tfcli.data.files import Blob
from tfcli.data.records.frames import RecordWriter, read_records
from tfcli.engine import nest
from tfcli.engine.spec import TensorSpec
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset

_ELEMENTS = "elements.tfrecord"


class Stores(Core):
    """cache and its kin."""

    def cache(self, filename: str = "", name: str | None = None) -> "Dataset":
        """The elements kept once the first pass is complete: in memory, or in `filename`, from which later programs
        read them too, whatever the dataset would give then."""
        if filename:
            return self._kept_in(Path(os.fsdecode(filename) + ".tfrecord"))
        if self._rows is not None and self._cardinality == len(self._rows.columns[0]):
            return self  # type: ignore[return-value]
        kept: list[Element] = []
        complete = False

        def begin() -> Iterator[Element]:
            nonlocal complete
            if complete:
                yield from kept
                return
            passed: list[Element] = []
            for element in self._begin():
                passed.append(element)
                yield element
            kept[:], complete = passed, True

        return self._like(begin, self._cardinality)

    def snapshot(
        self,
        path: str,
        compression: str | None = "AUTO",
        reader_func: Callable[..., Any] | None = None,
        shard_func: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """The elements kept in the folder `path` once the first pass is complete. Raises DataError for functions that
        share them out: there is one file."""
        if reader_func is not None or shard_func is not None:
            raise DataError("snapshot: elements are kept in one file; leave reader_func and shard_func out")
        folder = Path(os.fsdecode(path))
        folder.mkdir(parents=True, exist_ok=True)
        return self._kept_in(folder / _ELEMENTS)

    def save(
        self,
        path: str,
        compression: str | None = None,
        shard_func: Callable[..., Any] | None = None,
        checkpoint_args: Any = None,
        name: str | None = None,
    ) -> None:
        """Write all elements to the folder `path`, from which `load` reads them. Raises DataError."""
        if shard_func is not None or checkpoint_args is not None:
            raise DataError("save: elements are kept in one file; leave shard_func and checkpoint_args out")
        folder = Path(os.fsdecode(path))
        folder.mkdir(parents=True, exist_ok=True)
        for _ in _written(self._begin(), folder / _ELEMENTS, (compression or "").upper()):
            pass

    @staticmethod
    def load(
        path: str,
        element_spec: Any = None,
        compression: str | None = None,
        reader_func: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """The elements that `save` wrote; `element_spec` is their structure. Raises DataError."""
        if element_spec is None or reader_func is not None:
            raise DataError("load: give the element_spec of the dataset that was saved, and no reader_func")
        file = Path(os.fsdecode(path)) / _ELEMENTS
        if not file.is_file():
            raise DataError(f"load: there is no saved dataset in {path}")
        count = len(nest.flatten(element_spec))
        return made(element_spec, lambda: _read(file, (compression or "").upper(), count), UNKNOWN)

    def _kept_in(self, file: Path) -> "Dataset":
        specs = nest.flatten(self.element_spec)
        if not all(isinstance(spec, TensorSpec) for spec in specs):
            raise DataError("cache: elements that are datasets cannot be kept in a file")

        def begin() -> Iterator[Element]:
            return _read(file, "", len(specs)) if file.is_file() else _written(self._begin(), file, "")

        return self._like(begin, self._cardinality)


def _written(elements: Iterator[Element], file: Path, compression: str) -> Iterator[Element]:
    """The elements, written to `file` as they pass; it is there when the last one has."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.unfinished")
    try:
        with RecordWriter(unfinished, compression) as writer:
            for element in elements:
                for leaf in element:
                    writer.write(_packed(leaf))
                yield element
        os.replace(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(file: Path, compression: str, count: int) -> Iterator[Element]:
    leaves: list[np.ndarray] = []
    for records in read_records(Blob(str(file), file), compression):
        for i, record in enumerate(records):
            leaves.append(_unpacked(record, records.where(i)))
            if len(leaves) == count:
                yield tuple(leaves)
                leaves = []
    if leaves:
        raise DataError(f"{file}: its last element has {len(leaves)} parts, expected {count}")


def _packed(leaf: np.ndarray) -> bytes:
    from tfcli.data.dataset.tensors import serialized

    return serialized(np.asarray(leaf))


def _unpacked(record: bytes, where: str) -> np.ndarray:
    from tfcli.data.dataset.tensors import parsed

    return parsed(record, where)
