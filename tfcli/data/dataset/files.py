"""Datasets of files: names that match a pattern, and lines of text."""

import glob
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfcli.data.dataset.dataset import Dataset
from tfcli.data.dataset.elements import Element
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.engine.tensor import as_array
from tfcli.errors import DataError


def as_names(value: Any) -> list[str]:
    """One name or several, as texts."""
    return [v.decode() if isinstance(v, bytes) else str(v) for v in np.atleast_1d(as_array(value)).flat]


def matching(patterns: Any) -> list[str]:
    """The sorted names of files that match one of the patterns. Raises DataError where none does."""
    names = as_names(patterns)
    found = sorted(name for pattern in names for name in glob.glob(pattern))
    if not found:
        raise DataError(f"list_files: no file matches {', '.join(names)}")
    return found


class TextLineDataset(Dataset):
    """The lines of text files, without their ends. Raises DataError where a file cannot be read."""

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        if compression_type not in (None, "", "GZIP"):
            raise DataError(f"TextLineDataset: compression_type {compression_type!r}; there are '' and 'GZIP'")
        names = filenames if isinstance(filenames, Dataset) else as_names(filenames)
        super().__init__(
            TensorSpec(Shape(()), as_dtype("string")), lambda: _lines(_named(names), compression_type == "GZIP")
        )


def _named(names: Any) -> Iterator[str]:
    return (as_names(e[0])[0] for e in names.elements()) if isinstance(names, Dataset) else iter(names)


def _lines(names: Iterator[str], compressed: bool) -> Iterator[Element]:
    import gzip

    for name in names:
        try:
            with gzip.open(name, "rb") if compressed else open(name, "rb") as file:
                for line in file:
                    yield (np.array(line.rstrip(b"\r\n"), dtype=object),)
        except OSError as error:
            raise DataError(f"TextLineDataset: cannot read {name}: {error.strerror or error}") from error
