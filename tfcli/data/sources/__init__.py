"""The data sources, one family a file; importing this package declares them."""

from tfcli.data.sources import (
    audio_folder,
    bundled,
    csv,
    generator,
    idx,
    image_folder,
    jsonl,
    npz,
    parquet,
    text_files,
    text_windows,
    tfrecord,
    time_series,
)

__all__ = [
    "audio_folder",
    "bundled",
    "csv",
    "generator",
    "idx",
    "image_folder",
    "jsonl",
    "npz",
    "parquet",
    "text_files",
    "text_windows",
    "tfrecord",
    "time_series",
]
