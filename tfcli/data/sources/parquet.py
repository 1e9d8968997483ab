"""Parquet files."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Part, TabularSource
from tfcli.data.table import Rows, column_of_values
from tfcli.errors import DataError


class Parquet(TabularSource, name="parquet"):
    """A Parquet file: one row an example. Numbers, booleans, texts and lists of numbers can be used; null is a
    missing value."""

    def parts(self, blob: Blob, faults: Faults, texts: frozenset[str], size: int | None) -> Iterator[Part]:
        import polars

        try:
            first = 0
            for frame in _frames(blob, size):
                count = frame.height
                rows = Rows([blob.name], np.zeros(count, np.int32), np.arange(first, first + count))
                first += count
                yield {series.name: _column(series, rows) for series in frame.iter_columns()}, rows
        except (polars.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{blob.name}: not a readable Parquet file: {error}") from error
        if not first:
            raise DataError(f"{blob.name}: has no rows of data")


def _frames(blob: Blob, size: int | None) -> Iterator[Any]:
    """The file's frames that have rows, of `size` rows each or all at once."""
    import polars

    if size is None or blob.path is None:
        frame = polars.read_parquet(io.BytesIO(blob.read()))
        frames = iter([frame] if size is None else frame.iter_slices(size))
    else:
        frames = _slices(blob.path, size)
    return (frame for frame in frames if frame.height)


def _slices(path: Path, size: int) -> Iterator[Any]:
    """One row group after the other: what is held in memory is one of them."""
    import polars

    for batch in polars.scan_parquet(path).collect_batches(chunk_size=size, maintain_order=True):
        yield from batch.iter_slices(size)


def _column(series: Any, rows: Rows) -> np.ndarray:
    if series.dtype.is_integer() and series.null_count() == 0:
        return series.to_numpy().astype(np.int64)
    if series.dtype.is_float() and series.null_count() == 0:
        return series.to_numpy().astype(np.float64)
    return column_of_values(series.to_list(), series.name, rows)
