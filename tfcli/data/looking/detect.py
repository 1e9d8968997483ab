"""What kind of data a file or folder holds: the source that reads it, as a spec would have it."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tfcli.data.files import Blob
from tfcli.data.images import decode_image
from tfcli.data.source import ChunkedSource, Source
from tfcli.data.table import Table, parse_number
from tfcli.data.wav import decode_wav
from tfcli.errors import DataError

TABLES = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_LOOKED_AT = 1000
"""Lines that tell how a CSV file is written."""
_MANY_BYTES, _MANY_BYTES_OF = 1 << 24, {"csv": 1 << 27}
"""A table of so many bytes is looked at block by block: its texts would take many times as much memory. CSV is read
faster in one piece."""
_PICTURES, _LARGEST_SIDE = 100, 256
_DELIMITERS = ",;\t|"
_ALIKE = 0.9
"""The share of lines that have as many values as the first, in what is a table."""
_WORDS_OF_A_VALUE = 5
"""A first value of more words in most lines is a row of values with spaces between."""
_COMMON = 0.05
"""The share of rows in which a text of the first row must come again for it to be no header."""


def source_spec(path: Path) -> dict[str, Any]:
    """The source that reads `path` in spec form, without its path: a table, or a folder of files.

    Raises DataError for what is neither.
    """
    if path.is_dir():
        return _folder_spec(path)
    if not path.exists():
        raise DataError(f"there is no file {path}")
    blob = Blob(str(path), path)
    kind = TABLES.get(blob.suffix)
    if kind is None:
        if not _is_delimited(blob):
            raise DataError(
                f"{path}: expected a table, a file that ends in {', '.join(TABLES)}, or one with as many values in each"
                " line, separated by a comma, semicolon, tab or |"
            )
        kind = "csv"
    return {"type": kind, "path": str(path)} | (_csv_options(blob) if kind == "csv" else {})


def source_of(path: Path) -> Source:
    """The source that reads `path`. Raises DataError."""
    spec = source_spec(path)
    return _class(spec.pop("type"))(**spec)


def blocks(source: Source, root: Path) -> Iterator[Table]:
    """A source's rows: all at once, or block by block where there are many. Raises DataError."""
    if isinstance(source, ChunkedSource) and (
        source.streams(root) or _size(source, root) >= _MANY_BYTES_OF.get(source.type_name, _MANY_BYTES)
    ):
        yield from source.chunks(source.blobs(root), labelled=True)
    else:
        yield source.read(root)


def _size(source: ChunkedSource, root: Path) -> int:
    return sum(blob.size() for blob in source.blobs(root))


def _class(kind: str) -> type[Source]:
    assert Source.registry is not None
    found = Source.registry.find(kind)
    assert found is not None, "the sources named here are declared"
    assert issubclass(found, Source)
    return found


def _folder_spec(path: Path) -> dict[str, Any]:
    """A folder of tables or recordings, or one that has a folder for each class."""
    own = {_suffix(file) for file in path.iterdir() if file.is_file()}
    for suffix in TABLES:
        if suffix in own:
            inner = source_spec(min(file for file in path.iterdir() if _suffix(file) == suffix))
            return inner | {"path": os.path.join(path, f"*{suffix}")}
    if ".wav" in own:
        return {"type": "audio_folder", "path": str(path), "labels": "first_character"} | _audio_options(path)
    inside = {_suffix(file) for folder in path.iterdir() if folder.is_dir() for file in folder.iterdir()}
    if inside & set(IMAGES):
        return {"type": "image_folder", "path": str(path)} | _image_options(path)
    if ".txt" in inside:
        return {"type": "text_folder", "path": str(path)}
    if ".wav" in inside:
        return {"type": "audio_folder", "path": str(path)} | _audio_options(path)
    raise DataError(
        f"{path}: expected a folder of tables ({', '.join(TABLES)}), or one that has a folder for each class with"
        " pictures, texts (.txt) or recordings (.wav)"
    )


def _files(path: Path, suffixes: Iterable[str]) -> list[Blob]:
    """The first files below `path`, by name."""
    found = (file for file in sorted(path.rglob("*")) if _suffix(file) in suffixes)
    return [Blob(str(file), file) for file in islice(found, _LOOKED_AT)]


def _audio_options(path: Path) -> dict[str, Any]:
    """The most frequent rate, and the longest recording's length at it."""
    found = [decode_wav(blob.read(), blob.name) for blob in _files(path, (".wav",))]
    rate = Counter(rate for _, rate in found).most_common(1)[0][0]
    return {"sample_rate": rate, "length": max(len(samples) * rate // own for samples, own in found)}


def _image_options(path: Path) -> dict[str, Any]:
    """A size where pictures differ in theirs: the median's, 256 pixels a side at most."""
    shapes = [decode_image(blob.read(), 3, blob.name).shape for blob in _files(path, IMAGES)[:_PICTURES]]
    if len(set(shapes)) == 1:
        return {}
    middle = [sorted(shape[axis] for shape in shapes)[len(shapes) // 2] for axis in (0, 1)]
    return {"image_size": [min(size, _LARGEST_SIDE) for size in middle]}


def _suffix(file: Path) -> str:
    return Blob(file.name).suffix


def _csv_options(blob: Blob) -> dict[str, Any]:
    """What differs from a comma-separated file with a header, as keys of a csv source."""
    lines = _head(blob)
    delimiter = _delimiter(lines)
    options: dict[str, Any] = {"delimiter": delimiter} if delimiter != "," else {}
    rows, quoted = _rows(lines, delimiter)
    if not quoted:
        options["use_quote_delim"] = False
    if rows and _is_headerless(rows):
        options |= {"header": False, "columns": [f"column_{i}" for i in range(1, len(rows[0]) + 1)]}
    return options


def _head(blob: Blob) -> list[str]:
    with blob.stream() as stream:
        lines = [
            line.decode("utf-8-sig" if i == 0 else "utf-8", "replace")
            for i, line in enumerate(islice(stream, _LOOKED_AT))
        ]
    return [line.rstrip("\r\n") for line in lines]


def _rows(lines: list[str], delimiter: str) -> tuple[list[list[str]], bool]:
    """The rows, and whether values may stand in quotes."""
    text = [f"{line}\n" for line in lines]
    try:
        quoted = [row for row in csv.reader(text[: _LOOKED_AT - 1], delimiter=delimiter, strict=True) if row]
    except csv.Error:
        quoted = []
    plain = [line.split(delimiter) for line in lines if line]
    is_ragged = len({len(row) for row in quoted}) > 1 and len({len(row) for row in plain}) == 1
    return (plain, False) if is_ragged or not quoted else (quoted, True)


def _delimiter(lines: list[str]) -> str:
    """The delimiter that parts the most lines into the same number of values, more than one; else a comma."""
    shown = [line for line in lines if line][:100]
    best = max(_DELIMITERS, key=lambda delimiter: _agreement(shown, delimiter))
    return best if _agreement(shown, best) else ","


def _agreement(lines: list[str], delimiter: str) -> tuple[float, int]:
    """The share of lines that have as many values as the first, and that number; (0, 0) where it is one."""
    try:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return 0.0, 0
    if not counts or counts[0] < 2:
        return 0.0, 0
    return round(counts.count(counts[0]) / len(counts), 1), counts[0]


def _is_delimited(blob: Blob) -> bool:
    """Whether a file of another name, .data say, has the same number of values in each line, none of which is a row of
    its own."""
    lines = [line for line in _head(blob) if line][:100]
    if "\0" in "".join(lines):
        return False
    delimiter = _delimiter(lines)
    inside = sum(len(line.split(delimiter)[0].split()) > _WORDS_OF_A_VALUE for line in lines)
    return _agreement(lines, delimiter)[0] >= _ALIKE and inside < len(lines) / 2


def _is_headerless(rows: list[list[str]]) -> bool:
    """Whether the first row is data: its numbers stand beside nothing but values that come again below; or, without
    numbers, one of its texts is common below."""
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not rest:
        return False
    texts = [i for i, cell in enumerate(first) if parse_number(cell) is None]
    again = [sum(row[i] == first[i] for row in rest) / len(rest) for i in texts]
    return not texts or max(again) > (0 if len(texts) < len(first) else _COMMON)
