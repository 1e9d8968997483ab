"""JSON lines."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Part, TabularSource, Wanted
from tfcli.data.table import Rows, column_of_values
from tfcli.errors import DataError


class Jsonl(TabularSource, name="jsonl"):
    """A JSON object a line, each an example: numbers, texts, booleans, lists of numbers; null or an absent key is a
    missing value."""

    def parts(self, blob: Blob, faults: Faults, wanted: Wanted) -> Iterator[Part]:
        skip = wanted.skip
        with blob.stream() as stream:
            sound = skip if faults.on_error == "stop" else 0  # where damaged lines do not count, all are looked at
            lines = islice(_lines(stream, blob.name), sound, None)
            found = islice(faults.kept(lines, lambda line: _record(*line)), skip - sound, None)
            empty = not skip
            names: dict[str, None] = {}
            while block := list(islice(found, wanted.size)):
                rows = Rows([blob.name], np.zeros(len(block), np.int32), np.array([n for _, (_, n) in block]))
                records = [record for _, (record, _) in block]
                names |= dict.fromkeys(key for record in records for key in record)
                chosen = wanted.chosen(names)
                yield {name: column_of_values([r.get(name) for r in records], name, rows) for name in chosen}, rows
                empty = False
            if empty:
                raise DataError(f"{blob.name}: has no rows of data")


def _lines(stream: BinaryIO, file: str) -> Iterator[tuple[bytes, int, str]]:
    """The lines that hold something."""
    return ((line, number, file) for number, line in enumerate(stream, 1) if line.strip())


def _record(line: bytes, number: int, file: str) -> tuple[dict, int]:
    """The line's object, and its number."""
    where = f"{file}, row {number}"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(record, dict):
        shown = line[:40].decode(errors="replace").strip()
        raise DataError(f'{where}: expected an object like {{"x": 1}}, got {shown}')
    return record, number
