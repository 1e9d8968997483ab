"""Writes what TensorFlow makes, for tests that run without it: run with a Python that has TensorFlow."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from chains import CHAINS, described

HERE = Path(__file__).parent


def feature(**lists):
    return tf.train.Feature(**lists)


def example(i: int) -> bytes:
    features = {
        "image": feature(bytes_list=tf.train.BytesList(value=[picture(i)])),
        "label": feature(int64_list=tf.train.Int64List(value=[i - 2])),
        "numbers": feature(float_list=tf.train.FloatList(value=[i, i / 2, -i])),
        "many": feature(int64_list=tf.train.Int64List(value=[2**62, -1, i][: i % 4])),
        "text": feature(bytes_list=tf.train.BytesList(value=[f"tëxt {i}".encode()])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def pixels(i: int) -> np.ndarray:
    return (np.arange(4 * 5 * 3).reshape(4, 5, 3) * (i + 1) % 256).astype(np.uint8)


def picture(i: int) -> bytes:
    return tf.io.encode_png(pixels(i)).numpy()


def main() -> None:
    for compression in ("", "GZIP", "ZLIB"):
        name = HERE / f"records{'.' + compression.lower() if compression else ''}.tfrecord"
        with tf.io.TFRecordWriter(str(name), options=compression or None) as writer:
            for i in range(7):
                writer.write(example(i))
    smooth = np.stack(np.meshgrid(np.arange(16) * 16, np.arange(16) * 16), -1)
    image = np.concatenate([smooth, smooth[..., :1]], -1).astype(np.uint8)
    (HERE / "picture.jpg").write_bytes(tf.io.encode_jpeg(image, quality=95).numpy())
    np.save(HERE / "picture.npy", tf.io.decode_jpeg((HERE / "picture.jpg").read_bytes()).numpy())
    (HERE / "grey.png").write_bytes(tf.io.encode_png(image[..., :1]).numpy())
    wave = np.sin(np.arange(200) / 7)[:, None].astype(np.float32) * 0.8
    (HERE / "sound.wav").write_bytes(tf.audio.encode_wav(wave, 8000).numpy())
    np.save(HERE / "sound.npy", tf.audio.decode_wav((HERE / "sound.wav").read_bytes())[0].numpy())
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3)
    (HERE / "tensor.pb").write_bytes(tf.io.serialize_tensor(tensor).numpy())
    found = {name: described(tf, name) for name in CHAINS}
    (HERE / "chains.json").write_text(json.dumps(found, indent=0) + "\n")


if __name__ == "__main__":
    main()
