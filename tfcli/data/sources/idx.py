"""The idx files of MNIST and its kin."""

import math
import struct
from pathlib import Path

import numpy as np

from tfcli.data.arrays import is_npy, read_npy
from tfcli.data.files import Blob
from tfcli.data.source import Source
from tfcli.data.sources.npz import file_pairs, together
from tfcli.data.table import Rows, Table
from tfcli.declare import PathString
from tfcli.engine.spec import is_beyond_numpy
from tfcli.errors import DataError

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class Idx(Source, name="idx"):
    """Images (N, H, W) and labels (N,) in idx files, gzipped or not. Grey images get a channel axis: (N, H, W, 1),
    as uint8."""

    images: PathString
    """A file or a glob."""
    labels: PathString | None = None
    """A file, or a glob of as many files."""

    def read(self, root: Path) -> Table:
        pairs = file_pairs(root, self.images, self.labels)
        return together([_labelled(_image_table(images), labels) for images, labels in pairs])

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        if labelled:
            raise DataError(f"{blob.name}: an idx file of images has no labels; put both into the spec's `test` source")
        return _image_table(blob)


def _image_table(blob: Blob) -> Table:
    images = read_npy(blob) if is_npy(blob) else read_idx(blob)
    if images.ndim < 2:
        raise DataError(f"{blob.name}: holds an array of shape {images.shape}; images (N, H, W) were expected")
    images = images[..., None] if images.ndim == 3 else images
    return Table({"image": images}, ["image"], Rows.counted(blob.name, len(images)), [], None, blob.fingerprint())


def _labelled(table: Table, labels: Blob | None) -> Table:
    if labels is None:
        return table
    columns = table.columns | {"label": read_idx(labels).astype(np.int64)}
    return Table(columns, ["image"], table.rows, ["label"], None, table.files | labels.fingerprint())


def read_idx(blob: Blob) -> np.ndarray:
    """The array of an idx file. Raises DataError where header and size do not agree."""
    content = blob.read()
    dtype = _DTYPES.get(content[2]) if len(content) >= 4 and content[:2] == b"\0\0" else None
    start = 4 + 4 * content[3] if dtype else 0
    if dtype is None or len(content) < start:
        raise DataError(f"{blob.name}: is not an idx file (its first bytes are {content[:4].hex(' ') or 'none'})")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = math.prod(shape) * np.dtype(dtype).itemsize
    if expected != len(content) - start or is_beyond_numpy(shape, np.dtype(dtype).itemsize):
        raise DataError(
            f"{blob.name}: the header says {shape}, {expected:,} bytes, but {len(content) - start:,} bytes follow"
        )
    array = np.frombuffer(content, dtype, math.prod(shape), start).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
