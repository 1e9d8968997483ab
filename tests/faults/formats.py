"""The formats that tfcli reads: a good file of each, how it is changed, and what reads it."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from machine import SPEC
from mutants import (
    framed,
    mutated,
    mutated_files,
    mutated_json,
    mutated_records,
    mutated_tensors,
    mutated_yaml,
    mutated_zip,
)

from tfcli.errors import TfcliError

KERAS = Path(__file__).parent.parent / "runner" / "keras_files"


@dataclass(frozen=True)
class Format:
    """`samples()` are good files, `change` makes a bad one of one, `read` reads the one at a path."""

    file: str
    samples: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    change: Callable[[bytes, random.Random], bytes] = mutated


def _spec(path: Path) -> object:
    from tfcli.spec.load import load_experiment

    return load_experiment(path)


def _specs() -> list[bytes]:
    folder = Path(__file__).parents[2] / "experiments"
    return [SPEC.encode(), *(path.read_bytes() for path in sorted(folder.glob("*.yaml")))]


def _csv(path: Path) -> object:
    from tfcli.data.sources.csv import Csv

    return Csv(path=str(path), label="y").read(path.parent)


def _csvs() -> list[bytes]:
    rows = "".join(f'{i},{i / 7:.3f},{"abc"[i % 3]},"x, {i}",{i % 2}\n' for i in range(40))
    return [f"a,b,c,d,y\n{rows}".encode()]


def _npz(path: Path) -> object:
    from tfcli.data.arrays import read_npz
    from tfcli.data.files import Blob

    return read_npz(Blob(path.name, path))


def _npzs() -> list[bytes]:
    out = io.BytesIO()
    np.savez(out, x=np.arange(12.0).reshape(3, 4), y=np.array(["a", "b", "c"]), z=np.arange(3, dtype=">i2"))
    return [out.getvalue()]


def _npy(path: Path) -> object:
    from tfcli.data.arrays import read_npy
    from tfcli.data.files import Blob

    return read_npy(Blob(path.name, path))


def _npys() -> list[bytes]:
    found = []
    for array in (np.arange(24.0).reshape(2, 3, 4), np.array([b"ab", b"c"]), np.zeros((3, 0), bool)):
        out = io.BytesIO()
        np.save(out, array)
        found.append(out.getvalue())
    return found


def _idx(path: Path) -> object:
    from tfcli.data.files import Blob
    from tfcli.data.sources.idx import read_idx

    return read_idx(Blob(path.name, path))


def _idxs() -> list[bytes]:
    return [struct.pack(">4B3I", 0, 0, 8, 3, 5, 4, 4) + bytes(80), struct.pack(">4BI", 0, 0, 13, 1, 3) + bytes(12)]


def _tfrecord(path: Path) -> object:
    from tfcli.data.sources.tfrecord import RecordFeature, TFRecord

    features = {
        "x": RecordFeature(dtype="float32", shape=[3]),
        "label": RecordFeature(dtype="int64"),
        "name": RecordFeature(dtype="string"),
    }
    return TFRecord(path=str(path), features=features, label="label").read(path.parent)


def _tfrecords() -> list[bytes]:
    return [b"".join(framed(_example(i)) for i in range(12))]


def _example(number: int) -> bytes:
    """An Example proto, written by hand."""
    lists = {
        b"x": b"\x12" + _sized(b"\x0a" + _sized(struct.pack("<3f", number, 1, 2))),
        b"label": b"\x1a" + _sized(b"\x0a" + _sized(bytes([number % 3]))),
        b"name": b"\x0a" + _sized(b"\x0a" + _sized(b"n%d" % number)),
    }
    entries = b"".join(b"\x0a" + _sized(b"\x0a" + _sized(name) + b"\x12" + _sized(v)) for name, v in lists.items())
    return b"\x0a" + _sized(entries)


def _sized(content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([len(content)]) + content


def _image(path: Path) -> object:
    from tfcli.data.images import decode_image

    return decode_image(path.read_bytes(), 3, path.name)


def _images() -> list[bytes]:
    from PIL import Image

    picture = Image.fromarray(np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3))
    found = []
    for name in ("PNG", "JPEG", "BMP", "GIF"):
        out = io.BytesIO()
        picture.save(out, name)
        found.append(out.getvalue())
    return found


def _wav(path: Path) -> object:
    from tfcli.data.wav import decode_wav

    return decode_wav(path.read_bytes(), path.name)


def _wavs() -> list[bytes]:
    from tfcli.data.wav import encode_wav

    return [encode_wav(np.sin(np.arange(200) / 9.0)[:, None], 8000), encode_wav(np.zeros((40, 2)), 44100)]


def _safetensors(path: Path) -> object:
    from tfcli.logging.tensors import load_tensors

    return load_tensors(path)


def _tensor_files() -> list[bytes]:
    from tfcli.logging.tensors import encode_tensors

    arrays = {"d/kernel": np.ones((3, 4), np.float32), "d/bias": np.zeros(4), "n": np.array(3), "e": np.zeros((0, 2))}
    return [encode_tensors(arrays), encode_tensors({"a": np.arange(4)}, {"by": "us"})]


def _checkpoint(path: Path) -> object:
    from tfcli.logging.checkpoints import Checkpoints

    directory = path.parent / "checkpoints" / "epoch-0001"
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            (directory / name).write_bytes(archive.read(name))
    checkpoints = Checkpoints(directory.parent)
    return checkpoints.names(), checkpoints.best, checkpoints.load("last")


def _checkpoint_files() -> list[bytes]:
    from tfcli.logging.checkpoints import Checkpoints

    arrays = {"model": {"d/kernel": np.ones((3, 4), np.float32)}, "optimizer": {"step": np.array(3)}}
    out = io.BytesIO()
    with TemporaryDirectory() as folder, zipfile.ZipFile(out, "w") as archive:
        saved = Checkpoints(Path(folder)).save("epoch-0001", arrays, {"epoch": 1, "step": 3}, {"loss": 0.5}, best=True)
        for file in sorted(saved.iterdir()):
            archive.write(file, file.name)
    return [out.getvalue()]


def _keras(path: Path) -> object:
    from tfcli.keras.saving import load_model
    from tfcli.runner.keras_archive import read_keras_model

    with suppress(TfcliError):
        read_keras_model(path)
    return load_model(path)


def _h5(path: Path) -> object:
    from tfcli.runner.keras_weights import load_keras_weights

    return load_keras_weights(path, _branched())


@cache
def _branched():  # type: ignore[no-untyped-def]
    """The network whose weights `branched.weights.h5` has."""
    from tfcli.engine.spec import Shape, TensorSpec
    from tfcli.models.network import Network
    from tfcli.models.spec import ModelSpec
    from tfcli.runner.keras_archive import read_keras_model

    model = read_keras_model(KERAS / "branched.keras").model
    return Network(ModelSpec(**model), {"x": TensorSpec(Shape((None, 4)), "float32")})


def _events(path: Path) -> object:
    from tfcli.data.files import Blob
    from tfcli.data.records.frames import read_records

    return list(read_records(Blob(path.name, path)))


def _study(path: Path) -> object:
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.tuning.study import Study

    study = Study.open(RunDirectory(path.parent))
    return study.leaderboard(), study.parts


def _studies() -> list[bytes]:
    spec = SPEC + "tune:\n  trials: 3\n  space:\n    optimizer.beta_1: {low: 0.5, high: 0.9}\n"
    trial = {"number": 0, "parameters": {"optimizer.beta_1": 0.7}, "state": "done"}
    from tfcli.tuning.trial import Trial

    trials = [Trial(**trial, value=0.5, values={"val_loss": 0.5}).to_dict()]
    study = {"version": 2, "name": "s", "objectives": {"val_loss": "minimize"}, "wanted": 3, "storage": None}
    return [json.dumps(study | {"trials": trials, "root": "/nowhere", "spec": spec}, indent=2).encode()]


def _run(path: Path) -> object:
    from tfcli.logging.listing import list_runs
    from tfcli.logging.run_directory import RunDirectory

    run = RunDirectory(path.parent)
    content = path.read_bytes()
    for name in ("status.json", "summary.json", "metrics.jsonl"):
        (path.parent / name).write_bytes(content)
    return list_runs(path.parent), run.metrics()


def _runs() -> list[bytes]:
    return [
        b'{"epoch": 1, "loss": 0.5, "val_loss": "NaN"}\n{"epoch": 2, "loss": 0.25}\n',
        b'{"state": "done", "epoch": 3, "summary": {"best": {"loss": 1}}, "monitor": "loss", "started": "2026"}',
    ]


FORMATS = {
    "spec": Format("spec.yaml", _specs, _spec, mutated_yaml),
    "csv": Format("data.csv", _csvs, _csv),
    "npz": Format("data.npz", _npzs, _npz, mutated_zip),
    "npy": Format("data.npy", _npys, _npy),
    "idx": Format("data-idx", _idxs, _idx),
    "tfrecord": Format("data.tfrecord", _tfrecords, _tfrecord, mutated_records),
    "image": Format("image.png", _images, _image),
    "wav": Format("sound.wav", _wavs, _wav),
    "safetensors": Format("w.safetensors", _tensor_files, _safetensors, mutated_tensors),
    "checkpoint": Format("checkpoint.zip", _checkpoint_files, _checkpoint, mutated_files),
    "keras": Format("m.keras", lambda: [p.read_bytes() for p in sorted(KERAS.glob("*.keras"))], _keras, mutated_zip),
    "h5": Format("m.weights.h5", lambda: [(KERAS / "branched.weights.h5").read_bytes()], _h5),
    "events": Format("events.out.tfevents.1.a", _tfrecords, _events, mutated_records),
    "study": Format("study.json", _studies, _study, mutated_json),
    "run": Format("content", _runs, _run, mutated_json),
}
