"""The data sources, one family a file; importing this package declares them."""

from tfcli.data.sources import bundled, csv, idx, jsonl, npz, parquet, text_windows, time_series

__all__ = ["bundled", "csv", "idx", "jsonl", "npz", "parquet", "text_windows", "time_series"]
