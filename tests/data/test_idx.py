"""idx files."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tfcli.data.files import Blob
from tfcli.data.sources.idx import Idx, read_idx
from tfcli.errors import DataError

SHARED = Path(os.environ.get("TFCLI_SHARED", Path(__file__).parents[2].parent / "shared"))


def idx_bytes(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_images_get_a_channel_axis_and_stay_bytes(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "i.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (tmp_path / "l").write_bytes(idx_bytes(np.array([3, 7], np.uint8)))
    table = Idx(images="i.gz", labels="l").read(tmp_path)
    assert table.columns["image"].shape == (2, 3, 4, 1)
    assert table.columns["image"].dtype == np.uint8
    assert table.columns["label"].tolist() == [3, 7]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "is not an idx file"),
        (b"", "is not an idx file"),
        (idx_bytes(np.zeros(4, np.uint8))[:-1], r"header says \(4,\), 4 bytes, but 3 bytes follow"),
        (gzip.compress(idx_bytes(np.zeros(4, np.uint8)), mtime=0)[:-9], "gzip file is damaged"),
    ],
)
def test_a_file_that_is_wrong_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        read_idx(Blob("t.idx", content=content))


def test_a_gzip_bomb_is_refused(monkeypatch):
    monkeypatch.setattr("tfcli.data.files._ALWAYS_ALLOWED_BYTES", 1000)
    with pytest.raises(DataError, match="unpacks to more than"):
        read_idx(Blob("t.gz", content=gzip.compress(bytes(1_000_000))))


@pytest.mark.skipif(not (SHARED / "data/mnist").is_dir(), reason="MNIST is not on this machine (TFCLI_SHARED)")
def test_mnist_has_the_published_labels(monkeypatch):
    monkeypatch.setenv("MNIST", str(SHARED / "data/mnist"))
    source = Idx(images="${MNIST}/t10k-images-idx3-ubyte.gz", labels="${MNIST}/t10k-labels-idx1-ubyte.gz")
    table = source.read(Path())
    assert table.columns["image"].shape == (10000, 28, 28, 1)
    assert table.columns["label"][:5].tolist() == [7, 2, 1, 0, 4]


def test_globs_of_images_and_labels_go_together(tmp_path):
    for i in range(2):
        (tmp_path / f"images{i}").write_bytes(idx_bytes(np.full((2, 3, 3), i, np.uint8)))
        (tmp_path / f"labels{i}").write_bytes(idx_bytes(np.full(2, i, np.uint8)))
    table = Idx(images="images*", labels="labels*").read(tmp_path)
    assert table.columns["image"].shape == (4, 3, 3, 1)
    assert table.columns["label"].tolist() == [0, 0, 1, 1]
