"""Damaged data, a case for each source: they stop with file and position, or are left out, counted exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

import tfcli as tf
from tfcli.data import DataSpec, prepare
from tfcli.errors import DataError


def write_csv(folder: Path) -> None:
    (folder / "d.csv").write_text("x,y\n1,0\n2\n3,1\n4,5,6\n5,0\n")


def write_jsonl(folder: Path) -> None:
    (folder / "d.jsonl").write_text('{"x": 1, "y": 0}\n{"x": 2,\n{"x": 3, "y": 1}\n[4]\n{"x": 5, "y": 0}\n')


def write_records(folder: Path) -> None:
    with tf.io.TFRecordWriter(str(folder / "d.tfrecord")) as writer:
        for i in range(5):
            feature = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=[i, i])) if (i, name) == (3, "x") else value
                for name, value in (
                    ("x", tf.train.Feature(int64_list=tf.train.Int64List(value=[i]))),
                    ("y", tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 2]))),
                )
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    content = bytearray((folder / "d.tfrecord").read_bytes())
    content[len(content) // 5 + 20] ^= 255  # within the data of the second record
    (folder / "d.tfrecord").write_bytes(bytes(content))


def write_pictures(folder: Path) -> None:
    from PIL import Image

    for i, name in enumerate(("a/0.png", "a/1.png", "b/2.png", "b/3.png", "b/4.png")):
        path = folder / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), i, np.uint8)).save(path)
        if i in (1, 3):
            path.write_bytes(path.read_bytes()[:40])


def write_recordings(folder: Path) -> None:
    for i, name in enumerate(("a/0.wav", "a/1.wav", "b/2.wav", "b/3.wav", "b/4.wav")):
        path = folder / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = tf.audio.encode_wav(np.zeros((100, 1), np.float32), 8000).numpy()
        path.write_bytes(content[:20] if i in (1, 3) else content)


def write_texts(folder: Path) -> None:
    for i, name in enumerate(("a/0.txt", "a/1.txt", "b/2.txt", "b/3.txt", "b/4.txt")):
        path = folder / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xfe" if i in (1, 3) else b"a text")


def write_unlabelled(folder: Path) -> None:
    rows = [{"x": 1, "y": "u"}, {"x": 2}, {"x": 3, "y": "v"}, {"x": 4, "y": None}, {"x": 5, "y": "u"}]
    (folder / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))


RECORD = {"x": {"dtype": "int64"}, "y": {"dtype": "int64"}}
CASES = {
    "csv": (write_csv, {"type": "csv", "path": "d.csv", "label": "y"}, ("d.csv, row 3", "d.csv, row 5")),
    "jsonl": (write_jsonl, {"type": "jsonl", "path": "d.jsonl", "label": "y"}, ("d.jsonl, row 2", "d.jsonl, row 4")),
    "tfrecord": (
        write_records,
        {"type": "tfrecord", "path": "d.tfrecord", "label": "y", "features": RECORD},
        ("d.tfrecord, record 1", "d.tfrecord, record 3"),
    ),
    "image_folder": (write_pictures, {"type": "image_folder", "path": "d"}, ("1.png", "3.png")),
    "audio_folder": (
        write_recordings,
        {"type": "audio_folder", "path": "d", "sample_rate": 8000, "length": 100},
        ("1.wav", "3.wav"),
    ),
    "text_folder": (write_texts, {"type": "text_folder", "path": "d"}, ("1.txt", "3.txt")),
    "labels": (write_unlabelled, {"type": "jsonl", "path": "d.jsonl", "label": "y"}, ("row 2", "row 4")),
}


@pytest.mark.parametrize("name", CASES)
def test_damaged_data_stop_with_file_and_position(name, tmp_path):
    write, source, (first, _) = CASES[name]
    write(tmp_path)
    with pytest.raises(DataError, match=first):
        prepare(DataSpec(source=source), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_what_is_skipped_is_counted_and_named(name, tmp_path):
    write, source, places = CASES[name]
    write(tmp_path)
    skip = "missing_label" if name == "labels" else "on_error"
    data = prepare(DataSpec(source=source | {skip: "skip"}), tmp_path)
    assert data.train.num_examples == 3
    assert len(data.skipped) == 2
    assert all(place in message for place, message in zip(places, sorted(data.skipped), strict=True))


IDX = b"\x00\x00\x08\x01\x00\x00\x00\x09" + b"\x00" * 4
WHOLE = {
    "npz": ("d.npz", b"PK\x03\x04 damaged", {"path": "d.npz"}, "d.npz"),
    "npy": ("d.npy", b"\x93NUMPY damaged", {"path": "d.npy"}, "d.npy"),
    "idx": ("d.idx", IDX, {"images": "d.idx"}, "d.idx"),
    "parquet": (
        "d.parquet",
        b"PAR1 damaged",
        {"path": "d.parquet", "on_error": "skip"},
        "d.parquet: not a readable Parquet file",
    ),
    "time_series": (
        "d.csv",
        b"v\n1\n2\nthree\n4\n5\n",
        {"path": "d.csv", "target": "v", "sequence_length": 2},
        "d.csv, row 4, column 'v': expected a number, got 'three'",
    ),
    "text_lines": ("d.txt", b"one\n\xfftwo\n", {"files": {"a": "d.txt", "b": "d.txt"}}, "d.txt, byte 4"),
}
"""Files that are one thing: nothing can be left out of them."""


@pytest.mark.parametrize("kind", WHOLE)
def test_a_damaged_array_table_or_text_stops_with_its_file(kind, tmp_path):
    name, content, keys, message = WHOLE[kind]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        prepare(DataSpec(source={"type": kind, **keys}), tmp_path)
