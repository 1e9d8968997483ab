"""Comma-separated values."""

import csv
import io
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Part, TabularSource, Wanted
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

    def parts(self, blob: Blob, faults: Faults, wanted: Wanted) -> Iterator[Part]:
        dialect = Dialect(self.delimiter, self.columns, frozenset(self.missing_values), self.use_quote_delim)
        return csv_parts(blob, dialect, faults, wanted)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written. `names` is None where the first line has them."""

    delimiter: str = ","
    names: list[str] | None = None
    missing_values: frozenset[str] = frozenset(("", "NA", "?"))
    quoted: bool = True


def read_csv(blob: Blob, dialect: Dialect | None = None, columns: frozenset[str] | None = None) -> Part:
    """The columns of a CSV file (those wanted), and the line each row begins at. Raises DataError as `csv_parts`
    does."""
    return next(csv_parts(blob, dialect or Dialect(), Faults(), Wanted(columns)))


def csv_parts(blob: Blob, dialect: Dialect, faults: Faults, wanted: Wanted) -> Iterator[Part]:
    """What is wanted of a CSV file, and the line that each row begins at.

    Plain files of some megabytes are read by polars. The others by Python's own reader, which knows the line of every
    row, and is done with small files before polars is imported. Raises DataError, naming the line, for a row with too
    few or too many values.
    """
    if wanted.size is None:
        content = blob.read()
        if len(content) >= _WORTH_POLARS and (part := _by_polars(blob.name, content, dialect, wanted)) is not None:
            yield part
        else:
            text = io.StringIO(_decode(content, blob.name), newline="")
            yield from _parsed(blob.name, text, dialect, faults, wanted)
        return
    if blob.size() >= _WORTH_POLARS:
        read = yield from _plain_blocks(blob, dialect, wanted, wanted.size)
        if read is None:
            return
        wanted = replace(wanted, skip=read)
    with blob.stream() as stream:
        yield from _parsed(
            blob.name, io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), dialect, faults, wanted
        )


def _plain_blocks(blob: Blob, dialect: Dialect, wanted: Wanted, size: int) -> Generator[Part, None, int | None]:
    """The blocks up to the first that takes a closer look; how many rows that were with those to pass over, None where
    they were all."""
    read, header = 0, dialect.names is None
    with blob.stream() as stream:
        first = stream.readline() if header else b""
        names = _first_line(first, dialect, blob.name) if header and _is_plain(first, dialect) else dialect.names
        if names is None:
            return wanted.skip
        while block := b"".join(islice(stream, size)):
            if read < wanted.skip:
                part = None
                plain = _lines(block, dialect, len(names)) is not None
            else:
                part = _plain_part(blob.name, block, dialect, names, wanted, read + 1 + header)
                plain = part is not None
            if not plain:
                return max(read, wanted.skip)
            if part is not None:
                yield part
            read += size
    return None if read else 0


def _parsed(file: str, text: Iterable[str], dialect: Dialect, faults: Faults, wanted: Wanted) -> Iterator[Part]:
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    reader = csv.reader(text, delimiter=dialect.delimiter, strict=True, quoting=quoting)
    names, empty = dialect.names, True
    try:
        if names is None:
            names = _header(next(reader, None), file)
        chosen = wanted.chosen(names)
        places = [names.index(name) for name in chosen]
        rows = islice(_rows(reader, len(names), file, faults), wanted.skip, None)
        short = (([record[i] for i in places], line) for record, line in rows)
        while block := list(islice(short, wanted.size)):
            records, lines = zip(*block, strict=True)
            where = Rows([file], np.zeros(len(lines), np.int32), np.array(lines))
            values = zip(chosen, zip(*records, strict=True), strict=True)
            yield {n: column_of_texts(v, dialect.missing_values, n in wanted.texts) for n, v in values}, where
            empty = False
    except csv.Error as error:
        hint = "; where quotes are characters as any other, say `use_quote_delim: false`" if dialect.quoted else ""
        raise DataError(f"{file}, row {reader.line_num}: not valid CSV: {error}{hint}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}, after row {reader.line_num}: is not UTF-8 text: {error.reason}") from error
    if empty and not wanted.skip:
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


def _by_polars(file: str, content: bytes, dialect: Dialect, wanted: Wanted) -> Part | None:
    """A plain file's columns: no quotes, no empty or ragged lines. None for any other, which takes a closer look."""
    if dialect.names is not None:
        return _plain_part(file, content, dialect, dialect.names, wanted, 1)
    first = content[: content.find(b"\n") + 1]
    if not _is_plain(first, dialect):
        return None
    return _plain_part(file, content[len(first) :], dialect, _first_line(first, dialect, file), wanted, 2)


def _plain_part(
    file: str, content: bytes, dialect: Dialect, names: list[str], wanted: Wanted, line: int
) -> Part | None:
    """The columns of lines of which the first is number `line`; None where they are not plain."""
    lines = _lines(content, dialect, len(names))
    if not lines:
        return None
    columns = _polars_columns(content, dialect, names, wanted)
    if columns is None or len(columns[0]) != lines:
        return None
    rows = Rows([file], np.zeros(lines, np.int32), np.arange(line, line + lines))
    return {column.name: _column(column, dialect, column.name in wanted.texts) for column in columns}, rows


def _is_plain(content: bytes, dialect: Dialect) -> bool:
    """Whether nothing stands for anything but itself."""
    strange = (dialect.quoted and b'"' in content) or b"\r" in content or content.startswith(b"\xef\xbb\xbf")
    return not strange and len(dialect.delimiter.encode()) == 1 and "" in dialect.missing_values


def _lines(content: bytes, dialect: Dialect, width: int) -> int | None:
    """How many lines there are; None where not all of them are plain rows of that width."""
    if not _is_plain(content, dialect) or b"\n\n" in content or content.startswith(b"\n"):
        return None
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return lines if content.count(dialect.delimiter.encode()) == lines * (width - 1) else None


def _first_line(content: bytes, dialect: Dialect, file: str) -> list[str]:
    return _header(_decode(content.rstrip(b"\n"), file).split(dialect.delimiter), file)


def _polars_columns(content: bytes, dialect: Dialect, names: list[str], wanted: Wanted) -> list[Any] | None:
    """The columns as polars reads them: whole numbers, numbers and texts; None where it cannot."""
    import polars

    chosen = wanted.chosen(names)
    kinds: dict[str, Any] = dict.fromkeys(wanted.texts & set(chosen), polars.String)
    for looked_at in (_LOOKED_AT, _LOOKED_AT, None):
        try:
            frame = polars.read_csv(
                content,
                has_header=False,
                new_columns=names,
                columns=[names.index(name) for name in chosen],
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
            return frame.get_columns()
        kinds |= dict.fromkeys(others, polars.String)
    return None


def _column(column: Any, dialect: Dialect, as_text: bool) -> np.ndarray:
    """As `column_of_texts`, in polars where all is plain."""
    import polars

    if column.dtype != polars.String:
        return (column.cast(polars.Float64) if column.null_count() else column).to_numpy()
    stripped = column.str.strip_chars()
    distinct = stripped.unique()
    if not as_text and distinct.str.contains(r"^[\s0-9+._eE-]+$").any():
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
