"""Comma-separated values."""

import csv
import io

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Columns, TabularSource
from tfcli.data.table import Rows, column_of_texts
from tfcli.declare import FieldError
from tfcli.errors import DataError


class Csv(TabularSource, name="csv"):
    """A CSV file: one row an example.

    A column is of whole numbers where all its values are, of numbers where all are numbers or missing, of texts
    otherwise.
    """

    delimiter: str = ","
    header: bool = True
    """The first line has the columns' names."""
    columns: list[str] | None = None
    """The columns' names, where there is no header."""
    missing_values: list[str] = ["", "NA", "?"]

    def check(self) -> None:
        if len(self.delimiter) != 1:
            raise FieldError("delimiter", f"expected one character, got {self.delimiter!r}")
        if self.header and self.columns is not None:
            raise FieldError("columns", "names the columns of a file without header", "add `header: false`")
        if not self.header and self.columns is None:
            raise FieldError("header", "a file without header needs `columns`: the columns' names")

    def columns_of(self, blob: Blob) -> tuple[Columns, Rows]:
        return read_csv(blob, self.delimiter, self.columns, frozenset(self.missing_values))


def read_csv(
    blob: Blob,
    delimiter: str = ",",
    names: list[str] | None = None,
    missing_values: frozenset[str] = frozenset(("", "NA", "?")),
) -> tuple[Columns, Rows]:
    """The columns of a CSV file, and the line each row begins at. `names` is None where the first line has them.

    Python's own reader: it knows the line of every row, and for files of up to some megabytes it is done before polars
    is imported. Raises DataError, naming the line, for a row with too few or too many values.
    """
    text = _decode(blob)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        if names is None:
            names = _header(next(reader, None), blob.name)
        records, lines = [], []
        line = reader.line_num + 1
        for record in reader:
            if record:
                if len(record) != len(names):
                    raise DataError(f"{blob.name}, row {line}: has {len(record)} values, expected {len(names)}")
                records.append(record)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{blob.name}, row {reader.line_num}: not valid CSV: {error}") from error
    if not records:
        raise DataError(f"{blob.name}: has no rows of data")
    rows = Rows([blob.name], np.zeros(len(lines), np.int32), np.array(lines))
    values = zip(*records, strict=True)
    return {name: column_of_texts(column, missing_values) for name, column in zip(names, values, strict=True)}, rows


def _header(record: list[str] | None, file: str) -> list[str]:
    if not record:
        raise DataError(f"{file}: is empty; a first line with the columns' names was expected")
    names = [name.strip() for name in record]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{file}, row 1: two columns are called {twice!r}")
    return names


def _decode(blob: Blob) -> str:
    content = blob.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{blob.name}, row {row}: is not UTF-8 text: {error.reason}") from error
