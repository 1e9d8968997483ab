"""JSON lines."""

import json

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Columns, TabularSource
from tfcli.data.table import Rows, column_of_values
from tfcli.errors import DataError


class Jsonl(TabularSource, name="jsonl"):
    """A JSON object a line, each an example: numbers, texts, booleans, lists of numbers; null or an absent key is a
    missing value."""

    def columns_of(self, blob: Blob) -> tuple[Columns, Rows]:
        return read_jsonl(blob)


def read_jsonl(blob: Blob) -> tuple[Columns, Rows]:
    """The columns of a JSON lines file. Raises DataError naming the line."""
    records, lines = [], []
    for number, line in enumerate(blob.read().splitlines(), 1):
        if line.strip():
            records.append(_record(line, f"{blob.name}, row {number}"))
            lines.append(number)
    if not records:
        raise DataError(f"{blob.name}: has no rows of data")
    rows = Rows([blob.name], np.zeros(len(lines), np.int32), np.array(lines))
    names = dict.fromkeys(key for record in records for key in record)
    return {name: column_of_values([record.get(name) for record in records], name, rows) for name in names}, rows


def _record(line: bytes, where: str) -> dict:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(record, dict):
        raise DataError(f'{where}: expected an object like {{"x": 1}}, got {line[:40].decode(errors="replace")}')
    return record
