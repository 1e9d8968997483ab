"""A source that is read anew in each pass gives what it gives when it is kept, and holds no more than it must."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfcli as tf
from tfcli.data import DataSpec, learning, prepare
from tfcli.data.blocks import exchanged
from tfcli.data.records import frames
from tfcli.data.sources import tabular
from tfcli.data.sources.csv import Csv
from tfcli.data.stages.order import buffered_shuffle
from tfcli.data.streamed import StreamedSplit
from tfcli.errors import DataError

ROWS = 230


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(tabular, "CHUNK_ROWS", 32)


def records() -> list[dict]:
    rng = np.random.default_rng(0)
    colors = ["red", "green", "blue"]
    return [
        {
            "n": i,
            "x": 2 if i < 100 else float(i) / 3,
            "code": i if i < 150 else f"c{i}",
            "color": colors[rng.integers(3)],
        }
        for i in range(ROWS)
    ]


def write(folder: Path, kind: str) -> str:
    rows = records()
    if kind == "jsonl":
        (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return "t.jsonl"
    if kind == "parquet":
        import polars

        frame = polars.DataFrame([row | {"code": str(row["code"]), "x": float(row["x"])} for row in rows])
        for part in range(3):
            frame[part * 80 : part * 80 + 80].write_parquet(folder / f"t{part}.parquet", row_group_size=30)
        return "t*.parquet"
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    (folder / "t.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return "t.csv.gz"


STAGES = [
    {"type": "shuffle", "buffer_size": 50},
    {"type": "skip", "count": 3},
    {"type": "shard", "num_shards": 2, "index": 1},
    {"type": "repeat", "count": 2},
    {"type": "batch", "batch_size": 16},
    {"type": "shuffle", "buffer_size": 3},
    {"type": "take", "count": 9},
]
FEATURES = {"n": "float_normalized", "x": "float", "color": "string_categorical", "code": "string_categorical"}


def prepared(folder: Path, kind: str, streaming: bool, **changed):
    source = {"type": kind, "path": write(folder, kind), "label": "color", "streaming": streaming}
    spec = {"source": source, "features": FEATURES, "pipeline": STAGES} | changed
    return prepare(DataSpec(**spec), folder, seed=3)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_streamed_batches_are_those_of_what_is_kept(tmp_path, kind):
    kept, streamed = prepared(tmp_path, kind, False), prepared(tmp_path, kind, True)
    assert isinstance(streamed.train, StreamedSplit)
    assert streamed.inputs == kept.inputs
    assert streamed.class_names == kept.class_names
    for training in (False, True):
        one, other = (list(d.train.batches(2, 0, training)) for d in (kept, streamed))
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert np.array_equal(a.inputs["features"], b.inputs["features"])
            assert np.array_equal(a.targets["color"], b.targets["color"])
            assert a.moment == b.moment
        late = list(streamed.train.batches(2, 4, training))
        assert np.array_equal(late[0].inputs["features"], one[4].inputs["features"])
        assert len(late) == len(one) - 4
    for what in ("num_examples", "num_batches"):
        assert getattr(streamed.train, what) == getattr(kept.train, what)
    assert streamed.train.steps_per_epoch() == kept.train.steps_per_epoch()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("split", [None, {"validation": 0.2, "test": 23}, {"test": 30, "stratify": True}])
@pytest.mark.parametrize("start", [1, 10, 18, 40])
def test_an_epoch_goes_on_where_it_stopped(tmp_path, kind, split, start):
    stages = [{"type": "shuffle", "buffer_size": 20}, {"type": "skip", "count": 3}, {"type": "batch", "batch_size": 8}]
    data = prepared(tmp_path, kind, True, split=split, pipeline=stages)
    whole, late = (list(data.train.batches(1, at, training=True)) for at in (0, start))
    assert len(late) == max(len(whole) - start, 0)
    for a, b in zip(whole[start:], late, strict=True):
        assert np.array_equal(a.inputs["features"], b.inputs["features"])
        assert np.array_equal(a.targets["color"], b.targets["color"])
        assert a.moment == b.moment


def test_going_on_does_not_open_the_files_before(tmp_path):
    data = prepared(tmp_path, "parquet", True, pipeline=[{"type": "batch", "batch_size": 10}])
    whole = list(data.train.batches(0, training=True))
    (tmp_path / "t0.parquet").write_bytes(b"not looked at")
    late = list(data.train.batches(0, 12, training=True))
    assert np.array_equal(late[0].inputs["features"], whole[12].inputs["features"])


def test_an_epoch_of_records_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "_MOST_RECORDS", 7)
    for part in range(2):
        with tf.io.TFRecordWriter(str(tmp_path / f"p{part}.tfrecord")) as writer:
            for i in range(40):
                value = tf.train.Feature(int64_list=tf.train.Int64List(value=[40 * part + i]))
                writer.write(tf.train.Example(features=tf.train.Features(feature={"n": value})).SerializeToString())
    source = {"type": "tfrecord", "path": "p*.tfrecord", "features": {"n": {"dtype": "int64"}}, "streaming": True}
    stages = [{"type": "shuffle", "buffer_size": 10}, {"type": "batch", "batch_size": 6}]
    data = prepare(DataSpec(source=source, pipeline=stages), tmp_path)
    whole, late = ([b.inputs["n"].tolist() for b in data.train.batches(0, at, training=True)] for at in (0, 9))
    assert late == whole[9:]
    assert sorted(n for batch in whole for n in batch) == list(range(80))


LEARNING = {
    "gap": {"type": "float_normalized", "missing": "mean", "indicator": True},
    "hole": {"type": "float_discretized", "num_bins": 3, "missing": "median"},
    "n": "float_normalized",
    "color": "string_categorical",
}


def with_gaps(folder: Path) -> None:
    rows = [
        f"{i},{'' if i % 7 == 0 else i * 0.3},{'?' if i % 5 == 0 else i},{'rgb'[i % 3]},{i % 2}" for i in range(ROWS)
    ]
    (folder / "t.csv").write_text("n,gap,hole,color,y\n" + "\n".join(rows))


def test_all_features_and_labels_are_learned_in_one_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "BLOCK_ROWS", 50)
    with_gaps(tmp_path)
    begun = []
    chunks = Csv.chunks
    monkeypatch.setattr(Csv, "chunks", lambda self, *args, **named: begun.append(1) or chunks(self, *args, **named))
    source = {"type": "csv", "path": "t.csv", "label": "color"}
    kept, streamed = (
        prepare(DataSpec(source=source | {"streaming": streaming}, features=LEARNING), tmp_path)
        for streaming in (False, True)
    )
    whole, parts = (next(d.train.batches()).inputs["features"] for d in (kept, streamed))
    assert np.array_equal(whole, parts)
    passes = {"survey": 1, "the first rows": 2, "learning": 1, "what an example looks like": 1, "the batch above": 1}
    assert len(begun) == sum(passes.values())


def test_a_learned_fill_counts_as_the_number_it_stands_for(tmp_path):
    with_gaps(tmp_path)
    source = {"type": "csv", "path": "t.csv", "label": "color"}
    data = prepare(DataSpec(source=source, features={"gap": LEARNING["gap"]}, pipeline=[]), tmp_path)
    found = np.concatenate([batch.inputs["features"] for batch in data.train.whole().batches()])
    numbers = np.array([np.nan if i % 7 == 0 else i * 0.3 for i in range(ROWS)])
    filled = np.where(np.isnan(numbers), np.nanmean(numbers), numbers)
    np.testing.assert_allclose(found[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-5, atol=1e-6)
    assert found[:, 1].tolist() == np.isnan(numbers).tolist()


@pytest.mark.parametrize("stratify", [False, True])
def test_splits_have_their_exact_size_and_share_no_row(tmp_path, stratify):
    split = {"validation": 0.2, "test": 23, "stratify": stratify}
    data = prepared(tmp_path, "csv", True, split=split, features={"n": "float"}, pipeline=[])
    found = {}
    for name in ("train", "validation", "test"):
        found[name] = np.concatenate([b.inputs["features"][:, 0] for b in data.split(name).whole().batches()])
    assert {name: len(rows) for name, rows in found.items()} == {"train": 161, "validation": 46, "test": 23}
    assert sorted(np.concatenate(list(found.values()))) == list(range(ROWS))


def test_a_cache_of_a_streamed_source_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"cache.*needs all examples in memory.*streaming: false"):
        prepared(tmp_path, "csv", True, pipeline=[{"type": "cache"}])


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("kind", "name", "text", "message"),
    [
        ("csv", "t.csv", "a,y\n1,0\n2\n3,1\n", "t.csv, row 3: has 1 values, expected 2"),
        ("jsonl", "t.jsonl", '{"a": 1, "y": 0}\n{"a": \n{"a": 3, "y": 1}\n', "t.jsonl, row 2: not valid JSON"),
    ],
)
def test_a_bad_row_stops_or_is_skipped(tmp_path, streaming, kind, name, text, message):
    (tmp_path / name).write_text(text)
    source = {"type": kind, "path": name, "label": "y", "streaming": streaming}
    with pytest.raises(DataError, match=message):
        prepare(DataSpec(source=source), tmp_path)
    data = prepare(DataSpec(source=source | {"on_error": "skip"}), tmp_path)
    assert next(data.train.batches()).inputs["features"].tolist() == [[1], [3]]
    assert len(data.skipped) == 1
    assert message in data.skipped[0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(size=st.integers(1, 9), slots=st.lists(st.integers(0, 8), max_size=30))
def test_exchanging_is_done_one_after_the_other(size, slots):
    slots = [slot % size for slot in slots]
    buffer, expected = list(range(size)), []
    for incoming, slot in enumerate(slots, size):
        expected.append(buffer[slot])
        buffer[slot] = incoming
    out, kept = exchanged(np.array(slots, np.int64), size)
    assert out.tolist() == expected
    assert kept.tolist() == buffer


def test_a_shuffle_buffer_gives_each_element_once():
    order = buffered_shuffle(1000, 10, np.random.default_rng(0))
    assert sorted(order) == list(range(1000))
    assert (order < np.arange(1000) + 10).all()
