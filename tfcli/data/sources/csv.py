"""Comma-separated values."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Columns, Part, TabularSource
from tfcli.data.table import Rows, column_of_texts
from tfcli.declare import FieldError
from tfcli.errors import DataError

_WORTH_POLARS = 2**21
"""Bytes from which on polars, which takes 0.3 s to import, is sooner done than Python's reader."""
_LOOKED_AT = 1000


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
    use_quote_delim: bool = True
    """A value may stand in double quotes, and then hold delimiters and ends of lines. false: a quote is a character
    as any other."""
    missing_values: list[str] = ["", "NA", "?"]

    def check(self) -> None:
        if len(self.delimiter) != 1:
            raise FieldError("delimiter", f"expected one character, got {self.delimiter!r}")
        if self.header and self.columns is not None:
            raise FieldError("columns", "names the columns of a file without header", "add `header: false`")
        if not self.header and self.columns is None:
            raise FieldError("header", "a file without header needs `columns`: the columns' names")

    def parts(
        self, blob: Blob, faults: Faults, texts: frozenset[str], size: int | None, skip: int = 0
    ) -> Iterator[Part]:
        dialect = Dialect(self.delimiter, self.columns, frozenset(self.missing_values), texts, self.use_quote_delim)
        return csv_parts(blob, dialect, faults, size, skip)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` is None where the first line has them; columns in `texts` are not looked at
    for numbers."""

    delimiter: str = ","
    names: list[str] | None = None
    missing_values: frozenset[str] = frozenset(("", "NA", "?"))
    texts: frozenset[str] = frozenset()
    quoted: bool = True

    def columns(self, names: Sequence[str], values: Iterable[Sequence[str]]) -> Columns:
        return {
            name: column_of_texts(column, self.missing_values, name in self.texts)
            for name, column in zip(names, values, strict=True)
        }


def read_csv(blob: Blob, dialect: Dialect | None = None) -> Part:
    """The columns of a CSV file, and the line each row begins at. Raises DataError as `csv_parts` does."""
    return next(csv_parts(blob, dialect or Dialect(), Faults(), None))


def csv_parts(blob: Blob, dialect: Dialect, faults: Faults, size: int | None, skip: int = 0) -> Iterator[Part]:
    """The columns of `size` rows at a time (None: of all), after `skip` rows, and the line that each row begins at.

    Python's own reader: it knows the line of every row, and for files of up to some megabytes it is done before polars
    is imported. Raises DataError, naming the line, for a row with too few or too many values.
    """
    if size is None:
        content = blob.read()
        if len(content) >= _WORTH_POLARS and (part := _by_polars(blob.name, content, dialect)) is not None:
            yield part
            return
        yield from _parsed(blob.name, io.StringIO(_decode(content, blob.name), newline=""), dialect, faults, size)
        return
    with blob.stream() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        yield from _parsed(blob.name, text, dialect, faults, size, skip)


def _parsed(
    file: str, text: Iterable[str], dialect: Dialect, faults: Faults, size: int | None, skip: int = 0
) -> Iterator[Part]:
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=dialect.delimiter, strict=True, quoting=quoting)
    names, empty = dialect.names, True
    try:
        if names is None:
            names = _header(next(reader, None), file)
        rows = islice(_rows(reader, len(names), file, faults), skip, None)
        while block := list(islice(rows, size)):
            records, lines = zip(*block, strict=True)
            where = Rows([file], np.zeros(len(lines), np.int32), np.array(lines))
            yield dialect.columns(names, zip(*records, strict=True)), where
            empty = False
    except csv.Error as error:
        hint = "; where quotes are characters as any other, say `use_quote_delim: false`" if dialect.quoted else ""
        raise DataError(f"{file}, row {reader.line_num}: not valid CSV: {error}{hint}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}, after row {reader.line_num}: is not UTF-8 text: {error.reason}") from error
    if empty and not skip:
        raise DataError(f"{file}: has no rows of data")


def _rows(reader: Any, width: int, file: str, faults: Faults) -> Iterator[tuple[list[str], int]]:
    """The records and the lines they begin at."""
    line = reader.line_num + 1
    for record in reader:
        if len(record) == width:
            yield record, line
        elif record:
            faults(DataError(f"{file}, row {line}: has {len(record)} values, expected {width}"))
        line = reader.line_num + 1


def _by_polars(file: str, content: bytes, dialect: Dialect) -> Part | None:
    """The same for a plain file: no quotes, no empty or ragged lines. None for any other, which takes a closer look."""
    delimiter = dialect.delimiter.encode()
    quoted = dialect.quoted and b'"' in content
    strange = quoted or b"\r" in content or content.startswith(b"\xef\xbb\xbf")
    if strange or len(delimiter) > 1 or "" not in dialect.missing_values:
        return None
    header = dialect.names is None
    names = _first_line(content, dialect, file) if header else list(dialect.names or [])
    symbols = np.frombuffer(content, np.uint8)
    lines = np.count_nonzero(symbols == ord("\n")) + (not content.endswith(b"\n"))
    if np.count_nonzero(symbols == delimiter[0]) != lines * (len(names) - 1) or lines <= header:
        return None
    frame = _frame(content, dialect, names, header)
    if frame is None or frame.height != lines - header:
        return None
    rows = Rows([file], np.zeros(frame.height, np.int32), np.arange(1 + header, frame.height + 1 + header))
    return {column.name: _column(column, dialect) for column in frame.iter_columns()}, rows


def _first_line(content: bytes, dialect: Dialect, file: str) -> list[str]:
    return _header(_decode(content.partition(b"\n")[0], file).split(dialect.delimiter), file)


def _frame(content: bytes, dialect: Dialect, names: list[str], header: bool) -> Any:
    """The columns as polars reads them: whole numbers, numbers and texts; None where it cannot."""
    import polars

    kinds: dict[str, Any] = dict.fromkeys(dialect.texts & set(names), polars.String)
    for looked_at in (_LOOKED_AT, _LOOKED_AT, None):
        try:
            frame = polars.read_csv(
                content,
                has_header=False,
                skip_rows=int(header),
                new_columns=names,
                schema_overrides=kinds,
                separator=dialect.delimiter,
                quote_char=None,
                null_values=list(dialect.missing_values),
                infer_schema_length=looked_at,
            )
        except polars.exceptions.PolarsError:  # a number further down is none
            continue
        known = (polars.Int64, polars.Float64, polars.String)
        others = [name for name, dtype in frame.schema.items() if dtype not in known]
        if not others:
            return frame
        kinds |= dict.fromkeys(others, polars.String)
    return None


def _column(column: Any, dialect: Dialect) -> np.ndarray:
    """As `column_of_texts`, in polars where all is plain."""
    import polars

    if column.dtype != polars.String:
        return (column.cast(polars.Float64) if column.null_count() else column).to_numpy()
    stripped = column.str.strip_chars()
    distinct = stripped.unique()
    if column.name not in dialect.texts and distinct.str.contains(r"^[\s0-9+._eE-]+$").any():
        return column_of_texts(column.fill_null("").to_list(), dialect.missing_values)  # Python knows more numbers
    missing = distinct.filter(distinct.is_in(list(dialect.missing_values)))
    if len(missing):
        stripped = stripped.set(stripped.is_in(missing.to_list()), "")
    return stripped.fill_null("").to_numpy()


def _header(record: list[str] | None, file: str) -> list[str]:
    if not record:
        raise DataError(f"{file}: is empty; a first line with the columns' names was expected")
    names = [name.strip() for name in record]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{file}, row 1: two columns are called {twice!r}")
    return names


def _decode(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file}, row {row}: is not UTF-8 text: {error.reason}") from error
