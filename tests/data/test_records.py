"""TFRecords: the two ways of reading agree, and damage is found, named and survived."""

import os
import struct
import zlib
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfcli as tf
from tfcli.crc import crc32c, mask
from tfcli.data import DataSpec, prepare
from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.records import compiled, kernels
from tfcli.data.records.examples import Parser
from tfcli.data.records.frames import Records, RecordWriter, frame, read_records
from tfcli.engine.kernels.loops import compiled_loops
from tfcli.errors import DataError

BOTH = pytest.mark.parametrize("threshold", [0, 2**62], ids=["compiled", "python"])


def written(path: Path, records: list[bytes], compression: str = "") -> Blob:
    with RecordWriter(path, compression) as writer:
        for record in records:
            writer.write(record)
    return Blob(path.name, path)


def example(**lists) -> bytes:
    kinds = {bytes: ("bytes_list", tf.train.BytesList), float: ("float_list", tf.train.FloatList)}
    features = {}
    for name, values in lists.items():
        kind, cls = kinds.get(type(values[0]) if values else int, ("int64_list", tf.train.Int64List))
        features[name] = tf.train.Feature(**{kind: cls(value=values)})
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_the_checksum_is_the_published_one():
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert mask(0x8A9136AA) == 0x0FD7FFFA


@BOTH
@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_what_is_written_is_read(tmp_path, monkeypatch, threshold, compression):
    monkeypatch.setattr(compiled, "WORTH_COMPILING", threshold)
    records = [os.urandom(size) for size in (0, 1, 7, 8, 9, 1000)] * 3
    blob = written(tmp_path / "a", records, compression)
    for block in (5, 64, 2**20):
        found = [record for part in read_records(blob, compression, block=block) for record in part]
        assert found == records


@BOTH
def test_a_record_that_is_damaged_is_named_and_can_be_skipped(tmp_path, monkeypatch, threshold):
    monkeypatch.setattr(compiled, "WORTH_COMPILING", threshold)
    blob = written(tmp_path / "a", [b"one", b"two", b"three"])
    content = bytearray(blob.path.read_bytes())
    content[19 + 13] ^= 1
    blob.path.write_bytes(content)
    with pytest.raises(DataError, match="a, record 1: its data do not match their checksum"):
        list(read_records(blob))
    faults = Faults("skip")
    parts = list(read_records(blob, complain=faults))
    assert [r for part in parts for r in part] == [b"one", b"three"]
    assert np.concatenate([part.number for part in parts]).tolist() == [0, 2]
    assert len(faults.messages) == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c[:-2], r"record 2 \(byte 38\): the file ends within the record"),
        (lambda c: c[:3] + b"\xff" + c[4:], r"record 0 \(byte 0\): the length does not match its checksum"),
        (lambda c: c + b"xyz", r"record 3 \(byte 59\): the file ends within the record"),
    ],
)
def test_what_cannot_be_read_further_is_said(tmp_path, damage, message):
    blob = written(tmp_path / "a", [b"one", b"two", b"three"])
    blob.path.write_bytes(damage(blob.path.read_bytes()))
    with pytest.raises(DataError, match=message):
        list(read_records(blob))


@pytest.mark.parametrize("compression", ["", "ZLIB"])
def test_a_length_that_is_only_claimed_allocates_nothing(tmp_path, compression):
    length = struct.pack("<Q", 2**40)
    content = length + struct.pack("<I", mask(crc32c(length))) + b"data"
    (tmp_path / "a").write_bytes(zlib.compress(content) if compression else content)
    with pytest.raises(DataError, match="the file ends within the record"):
        list(read_records(Blob("a", tmp_path / "a"), compression))


def test_a_compressed_file_that_is_cut_is_said_to_be_damaged(tmp_path):
    blob = written(tmp_path / "a", [os.urandom(1000)], "GZIP")
    blob.path.write_bytes(blob.path.read_bytes()[:-500])
    with pytest.raises(DataError, match="a: the compressed file is damaged"):
        list(read_records(blob, "GZIP"))


NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)
FLOATS = st.lists(st.floats(width=32, allow_nan=False), max_size=4)
TEXTS = st.lists(st.binary(max_size=5), max_size=4)


@BOTH
@settings(max_examples=40, deadline=None, derandomize=True)
@given(rows=st.lists(st.tuples(NUMBERS, FLOATS, TEXTS), min_size=1, max_size=5))
def test_parsing_gives_what_the_protobuf_library_gives(threshold, rows):
    before = compiled.WORTH_COMPILING
    compiled.WORTH_COMPILING = threshold
    try:
        messages = [example(n=n, x=x, ünï=t, other=[1]) for n, x, t in rows]
        found = Parser({"n": "int64", "x": "float32", "ünï": "string"}).parse(Records.of(messages))
    finally:
        compiled.WORTH_COMPILING = before
    for place, name in enumerate(("n", "x", "ünï")):
        lists = found[name]
        expected = [row[place] for row in rows]
        assert [lists.values[a:b].tolist() for a, b in zip(lists.offsets, lists.offsets[1:], strict=False)] == expected


@BOTH
@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_bytes_are_parsed_or_refused(threshold, data):
    before = compiled.WORTH_COMPILING
    compiled.WORTH_COMPILING = threshold
    good = example(n=[1, -1], x=[0.5], t=[b"text"])
    content = bytearray(good)
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(good)))]
    try:
        found = Parser({"n": "int64", "x": "float32", "t": "string"}).parse(Records.of([bytes(content)]))
    except DataError:
        return
    finally:
        compiled.WORTH_COMPILING = before
    assert all(len(lists.values) == lists.offsets[-1] for lists in found.values())


def test_the_checksum_without_an_instruction_for_it_is_the_same():
    crc = compiled_loops(kernels.KERNELS).crc
    tables = np.array(compiled.FLAT_TABLES, np.int64)
    for size in (0, 1, 7, 8, 9, 100):
        data = bytes(range(size))
        assert crc(data, 0, size, tables) == crc32c(data)


@pytest.mark.parametrize(
    ("feature", "triple"), [("+crc32", "x86_64-linux-gnu"), ("+crc", "aarch64-linux-gnu"), ("+mul", None)]
)
def test_the_checksum_uses_the_instruction_that_a_processor_has(feature, triple):
    text = compiled.crc_by_instruction([feature])
    if triple is None:
        assert text is None
        return
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(text.replace("internal ", ""))
    module.verify()
    machine = llvm.Target.from_triple(triple).create_target_machine(features=feature)
    assert "crc32" in machine.emit_assembly(module)


def test_every_kernel_is_compiled():
    functions = {f for f in vars(kernels).values() if isinstance(f, FunctionType)}
    assert functions == set(kernels.KERNELS)


def test_a_feature_of_another_kind_is_refused():
    with pytest.raises(DataError, match="record 1: feature 'x' holds int64 values, expected float32"):
        Parser({"x": "float32"}).parse(Records.of([example(x=[1.0]), example(x=[1])]))


def test_a_frame_is_what_event_files_hold():
    from tfcli.logging import events

    assert frame(b"some data") == events.frame(b"some data")


SOURCE = {
    "type": "tfrecord",
    "path": "*.tfrecord",
    "label": "y",
    "features": {
        "image": {"dtype": "string", "decode": "png", "shape": [2, 3, 1]},
        "raw": {"dtype": "string", "decode": "raw float32", "shape": [2]},
        "y": {"dtype": "int64"},
    },
}


def image(i: int) -> np.ndarray:
    return np.full((2, 3, 1), i, np.uint8)


def full(i: int, **changed) -> bytes:
    png = tf.io.encode_png(image(i)).numpy()
    return example(**({"image": [png], "raw": [np.array([i, 0.5], "<f4").tobytes()], "y": [i]} | changed))


def test_a_spec_reads_a_glob_of_records(tmp_path):
    written(tmp_path / "a.tfrecord", [full(0), full(1)])
    written(tmp_path / "b.tfrecord", [full(2)], "GZIP")
    data = prepare(DataSpec(source=SOURCE), tmp_path)
    batch = next(data.train.batches())
    assert batch.targets["y"].tolist() == [0, 1, 2]
    assert batch.inputs["raw"].tolist() == [[0, 0.5], [1, 0.5], [2, 0.5]]
    assert batch.inputs["image"].dtype == np.uint8
    assert np.array_equal(batch.inputs["image"][2], image(2))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"\xff\xff", "record 1: is not an Example proto"),
        (full(1, y=[]), "record 1: feature 'y' is missing"),
        (full(1, y=[1, 2]), "record 1: feature 'y' has 2 values, expected 1"),
        (full(1, image=[b"nonsense"]), "record 1, feature 'image': is not a PNG picture"),
        (full(1, raw=[b"123"]), r"record 1, feature 'raw': has 3 bytes, \(2,\) float32 takes 8"),
        (full(1, image=[tf.io.encode_png(np.zeros((3, 3, 1), np.uint8)).numpy()]), r"has shape \(3, 3, 1\)"),
    ],
    ids=["no proto", "missing", "two values", "no picture", "short", "shape"],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_bad_record_stops_or_is_skipped(tmp_path, bad, message, streaming):
    written(tmp_path / "a.tfrecord", [full(0), bad, full(2)])
    source = SOURCE | {"streaming": streaming}
    with pytest.raises(DataError, match=message):
        prepare(DataSpec(source=source), tmp_path)
    data = prepare(DataSpec(source=source | {"on_error": "skip"}), tmp_path)
    assert next(data.train.batches()).targets["y"].tolist() == [0, 2]
    assert len(data.skipped) == 1
