"""Sources of many files: pictures, texts, recordings; and the user's own generator."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfcli.data import DataSpec, prepare
from tfcli.data.faults import described
from tfcli.data.images import decode_image
from tfcli.data.wav import decode_wav, encode_wav, resample
from tfcli.errors import DataError, SpecError


def picture(value: int, size=(4, 3), mode="RGB", format="PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value,) * len(mode)).save(out, format)
    return out.getvalue()


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def batch_of(root: Path, **source):
    data = prepare(DataSpec(source=source), root)
    return data, next(data.train.batches())


PICTURES = {"a/1.png": picture(10), "a/2.jpg": picture(20, format="JPEG"), "b/3.png": picture(30, mode="L")}


def test_pictures_have_the_class_of_their_folder(tmp_path):
    data, batch = batch_of(folder(tmp_path, PICTURES), type="image_folder", path=".")
    assert batch.inputs["image"].shape == (3, 3, 4, 3)
    assert batch.inputs["image"].dtype == np.uint8
    assert batch.inputs["image"][:, 0, 0, 0].tolist() == [10, 20, 30]
    assert batch.targets["label"].tolist() == [0, 0, 1]
    assert data.class_names == {"label": ["a", "b"]}


def test_pictures_are_resized_and_classes_ordered_as_the_spec_says(tmp_path):
    source = {"image_size": [2, 5], "color_mode": "grayscale", "class_names": ["b", "a"], "path": "."}
    data, batch = batch_of(folder(tmp_path, PICTURES), type="image_folder", **source)
    assert batch.inputs["image"].shape == (3, 2, 5, 1)
    assert batch.inputs["image"].dtype == np.float32
    assert batch.targets["label"].tolist() == [0, 1, 1]
    assert data.class_names == {"label": ["b", "a"]}


def test_many_pictures_are_decoded_in_order(tmp_path):
    files = {f"c/{i:03}.png": picture(i) for i in range(200)}
    _, batch = batch_of(folder(tmp_path, files), type="image_folder", path=".")
    assert batch.inputs["image"][:, 0, 0, 0].tolist() == list(range(32))


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({"a/1.png": picture(1), "a/2.png": b"nonsense"}, {}, "a/2.png: is not a PNG or JPEG or BMP or GIF picture"),
        ({"a/1.png": picture(1), "a/2.png": picture(1)[:50]}, {}, "a/2.png: the picture is damaged"),
        ({"a/1.png": picture(1), "a/2.png": picture(1, (9, 9))}, {}, r"shape \(9, 9, 3\).*image_size"),
        ({"a/1.png": picture(1)}, {"class_names": ["aa"]}, "no folder 'aa'"),
        ({"1.png": picture(1)}, {}, "one folder for each class"),
        ({"a/1.txt": b"text"}, {}, "has no .png or"),
    ],
)
def test_pictures_that_cannot_be_used_are_named(tmp_path, files, settings, message):
    with pytest.raises(DataError, match=message):
        batch_of(folder(tmp_path, files), type="image_folder", path=".", **settings)


def test_a_bad_picture_is_skipped_counted_and_told(tmp_path):
    files = PICTURES | {"a/0.png": b"nonsense", "b/4.png": b""}
    data, batch = batch_of(folder(tmp_path, files), type="image_folder", path=".", on_error="skip")
    assert batch.targets["label"].tolist() == [0, 0, 1]
    told = list(described(data.skipped))
    assert told[0] == "2 damaged examples were skipped:"
    assert "a/0.png" in told[1]
    assert "b/4.png" in told[2]


def test_a_picture_that_claims_to_be_huge_is_refused():
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    content = picture(1)
    at = content.index(b"IHDR") + 4
    huge = content[:at] + header
    import zlib

    huge += struct.pack(">I", zlib.crc32(b"IHDR" + header)) + content[at + 17 :]
    with pytest.raises(DataError, match=r"claims to be a picture of 100000 x 100000|decompression bomb"):
        decode_image(huge, 3, "bomb.png")


def test_texts_in_folders_and_lines(tmp_path):
    files = {"a/1.txt": b"eins\n", "b/2.txt.gz": gzip.compress("zwölf".encode()), "b/3.md": b"no"}
    pipeline = [{"type": "string_lookup"}]
    root = folder(tmp_path, files)
    data = prepare(DataSpec(source={"type": "text_folder", "path": "."}, pipeline=pipeline), root)
    assert data.train.examples.inputs["text"].tolist() == ["eins\n", "zwölf"]
    (tmp_path / "neg").write_bytes(b"bad\n\nworse\n")
    (tmp_path / "pos").write_bytes("gut é".encode("latin-1"))
    lines = {"type": "text_lines", "files": {"pos": "pos", "neg": "neg"}, "encoding": "latin-1"}
    data = prepare(DataSpec(source=lines, pipeline=pipeline), root)
    assert data.train.examples.inputs["text"].tolist() == ["gut é", "bad", "worse"]
    assert data.class_names == {"label": ["pos", "neg"]}
    assert data.train.examples.targets["label"].tolist() == [0, 1, 1]
    with pytest.raises(DataError, match=r"pos, byte 4: is not utf-8 text.*encoding: latin-1"):
        prepare(DataSpec(source=lines | {"encoding": "utf-8"}, pipeline=pipeline), root)


def test_recordings_are_cut_filled_up_and_resampled(tmp_path):
    wave = np.sin(np.arange(800) / 40)[:, None].astype(np.float32) * 0.5
    files = {"3_ann.wav": encode_wav(wave, 8000), "7_bob.wav": encode_wav(wave[:100], 4000)}
    source = {"type": "audio_folder", "path": ".", "labels": "first_character", "sample_rate": 8000, "length": 400}
    data, batch = batch_of(folder(tmp_path, files), **source)
    assert batch.inputs["audio"].shape == (2, 400)
    assert data.class_names == {"label": ["3", "7"]}
    assert np.abs(batch.inputs["audio"][0] - wave[:400, 0]).max() < 1e-4
    assert not batch.inputs["audio"][1, 200:].any()


@pytest.mark.parametrize(
    ("form", "samples"),
    [
        ((1, 8), np.array([0, 128, 255], "u1")),
        ((1, 16), np.array([-32768, 0, 32767], "<i2")),
        ((1, 32), np.array([-(2**31), 0, 2**31 - 1], "<i4")),
        ((3, 32), np.array([-1, 0, 1], "<f4")),
        ((1, 24), np.frombuffer(b"\x00\x00\x80\x00\x00\x00\xff\xff\x7f", "u1")),
    ],
)
def test_every_kind_of_sample_is_read(form, samples):
    data = samples.tobytes()
    header = struct.pack("<HHIIHH", form[0], 1, 100, 0, 0, form[1])
    content = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data)) + data
    found, rate = decode_wav(content, "a.wav")
    assert rate == 100
    assert np.abs(found[:, 0] - [-1, 0, 1]).max() < 0.01


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text", "is not a WAV file"),
        (encode_wav(np.zeros((9, 1), np.float32), 10)[:-3], "says 18 bytes, but 15 follow"),
        (encode_wav(np.zeros((9, 1), np.float32), 10)[:20], "the WAV file"),
    ],
)
def test_a_damaged_recording_is_refused(content, message):
    with pytest.raises(DataError, match=f"a.wav: .*{message}"):
        decode_wav(content, "a.wav")


def test_resampling_keeps_a_slow_wave_and_drops_what_is_too_fast():
    time = np.arange(2000) / 8000
    slow, fast = np.sin(2 * np.pi * 200 * time), np.sin(2 * np.pi * 3000 * time)
    half = resample((slow + fast).astype(np.float32), 8000, 4000)
    assert np.abs(half - slow[::2])[50:-50].max() < 0.02


GENERATOR = """
def rows(count, step=1):
    for i in range(0, count, step):
        yield {"a": [i, i], "b": i}, i % 2, 0.5

def broken(count):
    yield [1.0]
    yield [[1.0, 2.0]]
"""


def test_a_generator_gives_inputs_targets_and_weights(tmp_path):
    (tmp_path / "mine.py").write_text(GENERATOR)
    source = {"type": "generator", "function": "mine:rows", "arguments": {"count": 9, "step": 2}, "count": 4}
    _, batch = batch_of(tmp_path, **source)
    assert batch.inputs["a"].tolist() == [[0, 0], [2, 2], [4, 4], [6, 6]]
    assert batch.targets["y"].tolist() == [0, 0, 0, 0]
    assert batch.weights.tolist() == [0.5] * 4
    with pytest.raises(DataError, match="example 1 of mine:broken has x as float64"):
        batch_of(tmp_path, **source | {"function": "mine:broken", "arguments": {"count": 1}})
    with pytest.raises(DataError, match="mine:rows failed: TypeError"):
        batch_of(tmp_path, **source | {"arguments": {}})


def test_what_does_not_go_together_is_said_at_once():
    with pytest.raises(SpecError, match="class_names"):
        DataSpec(source={"type": "audio_folder", "path": ".", "labels": "first_character", "class_names": ["a"]})
    with pytest.raises(SpecError, match="there is no encoding"):
        DataSpec(source={"type": "text_folder", "path": ".", "encoding": "utf-99"})
