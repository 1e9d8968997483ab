"""Parquet files."""

import io
from typing import Any

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.sources.tabular import Columns, TabularSource
from tfcli.data.table import Rows, column_of_values
from tfcli.errors import DataError


class Parquet(TabularSource, name="parquet"):
    """A Parquet file: one row an example. Numbers, booleans, texts and lists of numbers can be used; null is a
    missing value."""

    def columns_of(self, blob: Blob) -> tuple[Columns, Rows]:
        return read_parquet(blob)


def read_parquet(blob: Blob) -> tuple[Columns, Rows]:
    """The columns of a Parquet file. Raises DataError."""
    import polars

    try:
        frame = polars.read_parquet(io.BytesIO(blob.read()))
    except (polars.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{blob.name}: not a readable Parquet file: {error}") from error
    if frame.is_empty():
        raise DataError(f"{blob.name}: has no rows of data")
    rows = Rows.counted(blob.name, frame.height, "row")
    return {series.name: _column(series, rows) for series in frame.iter_columns()}, rows


def _column(series: Any, rows: Rows) -> np.ndarray:
    if series.dtype.is_integer() and series.null_count() == 0:
        return series.to_numpy().astype(np.int64)
    if series.dtype.is_float() and series.null_count() == 0:
        return series.to_numpy().astype(np.float64)
    return column_of_values(series.to_list(), series.name, rows)
