"""Datasets of files: names that match a pattern, lines of text, records, and rows."""

import glob
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.dataset.core import positive
from tfcli.data.dataset.csv import CsvColumn, CsvReader
from tfcli.data.dataset.dataset import Dataset
from tfcli.data.dataset.elements import Element
from tfcli.data.files import Blob, Unpacked
from tfcli.data.records.frames import COMPRESSIONS, read_records
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.engine.tensor import as_array
from tfcli.errors import DataError

_TEXT = TensorSpec(Shape(()), as_dtype("string"))


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


class FileDataset(Dataset):
    """Elements of files, one file after the other."""

    def __init__(self, spec: Any, filenames: Any, read: Callable[[str], Iterator[Element]]) -> None:
        names = filenames if isinstance(filenames, Dataset) else as_names(filenames)
        super().__init__(spec, lambda: (element for name in _named(names) for element in read(name)))


class TextLineDataset(FileDataset):
    """The lines of text files, without their ends. Raises DataError where a file cannot be read."""

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        compression = _compression("TextLineDataset", compression_type)
        super().__init__(_TEXT, filenames, lambda file: _lines(file, compression))


class TFRecordDataset(FileDataset):
    """The records of TFRecord files, whose checksums are verified. Raises DataError naming the damaged record."""

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: int | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        compression = _compression("TFRecordDataset", compression_type)
        super().__init__(_TEXT, filenames, lambda file: _records(file, compression))


class FixedLengthRecordDataset(FileDataset):
    """Records of `record_bytes` each, between a header and a footer. Raises DataError where the size does not fit."""

    def __init__(
        self,
        filenames: Any,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        buffer_size: int | None = None,
        compression_type: str | None = None,
        num_parallel_reads: int | None = None,
        name: str | None = None,
    ) -> None:
        compression = _compression("FixedLengthRecordDataset", compression_type)
        around, size = (int(header_bytes or 0), int(footer_bytes or 0)), positive("record_bytes", record_bytes)
        super().__init__(_TEXT, filenames, lambda file: _fixed(file, size, around, compression))


class CsvDataset(FileDataset):
    """The rows of CSV files as tuples of values. `record_defaults`: a dtype for a column that must be given, else a
    value, whose dtype is the column's, for where it is missing. Raises DataError naming the row."""

    def __init__(
        self,
        filenames: Any,
        record_defaults: Sequence[Any],
        compression_type: str | None = None,
        buffer_size: int | None = None,
        header: bool = False,
        field_delim: str = ",",
        use_quote_delim: bool = True,
        na_value: str = "",
        select_cols: Sequence[int] | None = None,
        exclude_cols: Sequence[int] | None = None,
    ) -> None:
        if select_cols is not None and exclude_cols is not None:
            raise DataError("CsvDataset: give either select_cols or exclude_cols")
        compression = _compression("CsvDataset", compression_type)
        columns = [CsvColumn.of(default) for default in record_defaults]
        reader = CsvReader(columns, header, field_delim, use_quote_delim, na_value, select_cols, exclude_cols)
        spec = tuple(TensorSpec(Shape(()), column.dtype) for column in columns)
        super().__init__(spec, filenames, lambda file: reader.rows(file, _stream(file, compression)))


def _compression(what: str, compression_type: str | None) -> str:
    if compression_type not in (None, *COMPRESSIONS):
        raise DataError(f"{what}: compression_type {compression_type!r}; there are '', 'GZIP' and 'ZLIB'")
    return compression_type or ""


def _named(names: Any) -> Iterator[str]:
    return (as_names(e[0])[0] for e in names.elements()) if isinstance(names, Dataset) else iter(names)


@contextmanager
def _stream(name: str, compression: str) -> Iterator[io.BufferedReader]:
    with Blob(name, Path(name)).open() as stored:
        yield io.BufferedReader(Unpacked(stored, name) if compression else stored)  # type: ignore[arg-type]


def _lines(name: str, compression: str) -> Iterator[Element]:
    with _stream(name, compression) as file:
        for line in file:
            yield (np.array(line.rstrip(b"\r\n"), dtype=object),)


def _records(name: str, compression: str) -> Iterator[Element]:
    for records in read_records(Blob(name, Path(name)), compression):
        for record in records:
            yield (np.array(record, dtype=object),)


def _fixed(name: str, size: int, around: tuple[int, int], compression: str) -> Iterator[Element]:
    """What lies between header and footer, `size` bytes at a time."""
    header, footer = around
    with _stream(name, compression) as file:
        if len(file.read(header)) < header:
            raise DataError(f"{name}: is shorter than its header of {header} bytes")
        held = file.read(footer)
        while len(held) == footer and (block := file.read(size)):
            held += block
            if len(held) < size + footer:
                raise DataError(f"{name}: {len(held) - footer} bytes are left over; records have {size}")
            yield (np.array(held[:size], dtype=object),)
            held = held[size:]
