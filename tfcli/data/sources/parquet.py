"""Parquet files."""

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Part, TabularSource, Wanted
from tfcli.data.table import Rows, column_of_values
from tfcli.errors import DataError


class Parquet(TabularSource, name="parquet"):
    """A Parquet file: one row an example. Numbers, booleans, texts, dates (as texts) and lists of numbers can be
    used; null is a missing value."""

    def parts(self, blob: Blob, faults: Faults, wanted: Wanted) -> Iterator[Part]:
        import polars

        try:
            first = wanted.skip
            for frame in _frames(blob, wanted):
                count = frame.height
                rows = Rows([blob.name], np.zeros(count, np.int32), np.arange(first, first + count))
                first += count
                yield {series.name: _column(series, rows) for series in frame.iter_columns()}, rows
        except (polars.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{blob.name}: not a readable Parquet file: {error}") from error
        if not first:
            raise DataError(f"{blob.name}: has no rows of data")


def _frames(blob: Blob, wanted: Wanted) -> Iterator[Any]:
    """The file's frames that have rows, of as many rows each as are wanted."""
    import polars

    size = wanted.size
    if size is None or blob.path is None:
        content = io.BytesIO(blob.read())
        chosen = wanted.chosen(polars.read_parquet_schema(content))
        content.seek(0)
        frame = polars.read_parquet(content, columns=chosen).slice(wanted.skip)
        frames = iter([frame] if size is None else frame.iter_slices(size))
    else:
        frames = _slices(blob.path, size, wanted)
    return (frame for frame in frames if frame.height)


def _slices(path: Path, size: int, wanted: Wanted) -> Iterator[Any]:
    """One row group after the other: what is held in memory is one of them. Slices do not depend on their sizes."""
    import polars

    rest = None
    lazy = polars.scan_parquet(path)
    rows = lazy.select(wanted.chosen(lazy.collect_schema())).slice(wanted.skip)
    for batch in rows.collect_batches(chunk_size=size, maintain_order=True):
        held = batch if rest is None else polars.concat([rest, batch])
        whole = held.height - held.height % size
        yield from held.slice(0, whole).iter_slices(size)
        rest = held.slice(whole)
    if rest is not None:
        yield rest


def _column(series: Any, rows: Rows) -> np.ndarray:
    if series.dtype.is_integer() and series.null_count() == 0:
        return series.to_numpy().astype(np.int64)
    if series.dtype.is_float() and series.null_count() == 0:
        return series.to_numpy().astype(np.float64)
    values = series.to_list()
    if series.dtype.is_temporal():
        values = [None if value is None else _date_text(value) for value in values]
    return column_of_values(values, series.name, rows)


def _date_text(value: date | time | timedelta) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)
