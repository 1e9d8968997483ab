"""What TensorFlow wrote is read here, what it made of chains is made here, and it reads what is written here.

The last needs TensorFlow: in this Python, or in the one that TFCLI_TENSORFLOW_PYTHON names.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfcli as tf
from tfcli.data import DataSpec, prepare
from tfcli.errors import DataError

HERE = Path(__file__).parent / "recorded"
RECORDS = {"": "records.tfrecord", "GZIP": "records.gzip.tfrecord", "ZLIB": "records.zlib.tfrecord"}
EXPECTED = json.loads((HERE / "chains.json").read_text())


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


chains = load("chains")


def pixels(i: int) -> np.ndarray:
    return (np.arange(4 * 5 * 3).reshape(4, 5, 3) * (i + 1) % 256).astype(np.uint8)


@pytest.mark.parametrize("name", chains.CHAINS)
def test_a_chain_gives_what_tensorflow_gives(name):
    assert chains.described(tf, name) == EXPECTED[name]


FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "numbers": tf.io.FixedLenFeature([3], tf.float32),
    "many": tf.io.VarLenFeature(tf.int64),
    "absent": tf.io.FixedLenFeature([2], tf.float32, default_value=[1.0, 2.0]),
    "text": tf.io.FixedLenFeature([], tf.string),
}


@pytest.mark.parametrize("compression", RECORDS)
def test_records_of_tensorflow_are_parsed(compression):
    dataset = tf.data.TFRecordDataset(str(HERE / RECORDS[compression]), compression)
    parsed = list(dataset.map(lambda record: tf.io.parse_single_example(record, FEATURES)))
    assert [int(p["label"]) for p in parsed] == list(range(-2, 5))
    assert parsed[3]["numbers"].numpy().tolist() == [3.0, 1.5, -3.0]
    assert parsed[3]["absent"].numpy().tolist() == [1.0, 2.0]
    assert parsed[3]["text"].numpy().decode() == "tëxt 3"
    assert tf.sparse.to_dense(parsed[3]["many"]).numpy().tolist() == [2**62, -1, 3]
    assert np.array_equal(tf.io.decode_png(parsed[3]["image"]).numpy(), pixels(3))


def test_examples_are_parsed_in_batches_too():
    dataset = tf.data.TFRecordDataset(str(HERE / "records.tfrecord")).batch(4)
    batch = next(iter(dataset.map(lambda records: tf.io.parse_example(records, FEATURES))))
    assert batch["numbers"].shape == (4, 3)
    assert tf.sparse.to_dense(batch["many"], -7).numpy().tolist() == [
        [-7, -7, -7],
        [2**62, -7, -7],
        [2**62, -1, -7],
        [2**62, -1, 3],
    ]


@pytest.mark.parametrize("name", RECORDS.values())
def test_a_spec_reads_records_of_tensorflow(name):
    compression = {"compression": "zlib"} if "zlib" in name else {}
    source = {
        "type": "tfrecord",
        "path": name,
        "label": "label",
        "features": {
            "image": {"dtype": "string", "decode": "png", "shape": [4, 5, 3]},
            "numbers": {"dtype": "float32", "shape": [3]},
            "label": {"dtype": "int64"},
        },
    }
    data = prepare(DataSpec(source=source | compression), HERE)
    batch = next(data.train.batches())
    assert batch.targets["label"].tolist() == list(range(-2, 5))
    assert np.array_equal(batch.inputs["image"][6], pixels(6))


def test_pictures_and_sound_of_tensorflow_are_decoded_alike():
    jpeg = tf.io.decode_jpeg((HERE / "picture.jpg").read_bytes()).numpy()
    assert np.abs(jpeg.astype(int) - np.load(HERE / "picture.npy")).mean() <= 3  # the standard leaves rounding open
    assert tf.io.decode_png((HERE / "grey.png").read_bytes(), channels=3).shape == (16, 16, 3)
    samples, rate = tf.audio.decode_wav((HERE / "sound.wav").read_bytes())
    assert int(rate) == 8000
    assert np.array_equal(samples.numpy(), np.load(HERE / "sound.npy"))


def test_what_we_encode_is_what_tensorflow_encodes():
    assert tf.io.parse_tensor((HERE / "tensor.pb").read_bytes(), tf.float32).numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    wave = np.sin(np.arange(200) / 7)[:, None].astype(np.float32) * 0.8
    assert tf.audio.encode_wav(wave, 8000).numpy() == (HERE / "sound.wav").read_bytes()


def tensorflow_python() -> str:
    named = os.environ.get("TFCLI_TENSORFLOW_PYTHON")
    if named is None and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed, and TFCLI_TENSORFLOW_PYTHON does not name a Python that has it")
    return named or sys.executable


READ = """
import sys, json, numpy as np, tensorflow as tf
found = {}
features = {"x": tf.io.FixedLenFeature([2], tf.float32), "n": tf.io.FixedLenFeature([], tf.int64),
            "image": tf.io.FixedLenFeature([], tf.string)}
for compression in ("", "GZIP", "ZLIB"):
    parsed = [tf.io.parse_single_example(r, features)
              for r in tf.data.TFRecordDataset("ours" + compression, compression_type=compression)]
    found[compression] = [[p["x"].numpy().tolist(), int(p["n"]), tf.io.decode_png(p["image"]).numpy().tolist()]
                          for p in parsed]
found["jpeg"] = list(tf.io.decode_jpeg(tf.io.read_file("ours.jpg")).shape)
found["tensor"] = tf.io.parse_tensor(tf.io.read_file("ours.pb"), tf.int32).numpy().tolist()
found["wav"] = tf.audio.decode_wav(tf.io.read_file("ours.wav"))[0].numpy()[:, 0].tolist()
print(json.dumps(found))
"""


def test_tensorflow_reads_what_we_write(tmp_path):
    python = tensorflow_python()
    train = tf.train
    expected = []
    image = pixels(1)
    for compression in ("", "GZIP", "ZLIB"):
        with tf.io.TFRecordWriter(tmp_path / f"ours{compression}", compression) as writer:
            expected = []
            for i in range(3):
                lists = {
                    "x": train.Feature(float_list=train.FloatList(value=[i, i + 0.5])),
                    "n": train.Feature(int64_list=train.Int64List(value=[-i])),
                    "image": train.Feature(bytes_list=train.BytesList(value=[tf.io.encode_png(image).numpy()])),
                }
                writer.write(train.Example(features=train.Features(feature=lists)).SerializeToString())
                expected.append([[i, i + 0.5], -i, image.tolist()])
    (tmp_path / "ours.jpg").write_bytes(tf.io.encode_jpeg(image).numpy())
    (tmp_path / "ours.pb").write_bytes(tf.io.serialize_tensor(tf.constant([[1, 2]])).numpy())
    (tmp_path / "ours.wav").write_bytes(tf.audio.encode_wav([[0.0], [0.5]], 4000).numpy())
    done = subprocess.run([python, "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert [found[c] for c in ("", "GZIP", "ZLIB")] == [expected] * 3
    assert found["jpeg"] == [4, 5, 3]
    assert found["tensor"] == [[1, 2]]
    assert found["wav"] == pytest.approx([0.0, 0.5], abs=1e-4)


def test_a_picture_that_is_damaged_is_an_error():
    with pytest.raises(DataError, match="decode_png: the picture is damaged"):
        tf.io.decode_png((HERE / "grey.png").read_bytes()[:45])
