"""padded_batch, bucket_by_sequence_length, unbatch, window, rejection_resample and snapshot, and lists of different
lengths on their way to them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfcli as tf
from tfcli.data import DataSpec, PreparedData, prepare, restore
from tfcli.data.pipeline import Pipeline, Split
from tfcli.data.stage import Batch, Context
from tfcli.data.uneven import filled_up, lengths, uneven
from tfcli.declare import FieldError
from tfcli.errors import DataError, SpecError

SOURCE = {"type": "npz", "path": "unused.npz"}
BUCKETS = {"type": "bucket_by_sequence_length", "bucket_boundaries": [3, 6], "bucket_batch_sizes": [2, 3, 4]}
ROWS = [[5], [1, 2, 3], [4, 4], [9, 9, 9, 9], [7, 7, 7, 7, 7, 7, 7], [3, 3], [8, 8, 8], [6]]


def split_of(examples: Batch, *stages, root: Path = Path(), seed: int = 0) -> Split:
    spec = DataSpec(source=SOURCE, pipeline=list(stages))
    return Split(examples, Pipeline(spec.pipeline, Context("", root, seed), {}))


def lists_of(sizes: list[int]) -> Batch:
    arrays = [np.full(size, i + 1) for i, size in enumerate(sizes)]
    return Batch({"x": uneven(arrays)}, {"y": np.arange(1, len(sizes) + 1)})


def inputs(split: Split, **settings) -> list[list]:
    return [batch.inputs["x"].tolist() for batch in split.batches(**settings)]


def labels(split: Split, **settings) -> list[list]:
    return [batch.targets["y"].tolist() for batch in split.batches(**settings)]


def flat(batches: list[list]) -> list:
    return [value for batch in batches for value in batch]


def write(folder: Path) -> None:
    lines = [json.dumps({"tokens": row, "n": i % 3, "label": i % 2}) for i, row in enumerate(ROWS)]
    (folder / "t.jsonl").write_text("\n".join(lines))


def prepared(folder: Path, *stages, **source) -> PreparedData:
    write(folder)
    jsonl = {"type": "jsonl", "path": "t.jsonl", "label": "label", "features": "tokens", **source}
    return prepare(DataSpec(source=jsonl, pipeline=list(stages)), folder)


def test_padded_batches_are_as_long_as_their_longest_example(tmp_path):
    data = prepared(tmp_path, {"type": "padded_batch", "batch_size": 3})
    found = [batch.inputs["tokens"].tolist() for batch in data.train.batches()]
    assert found[0] == [[5, 0, 0], [1, 2, 3], [4, 4, 0]]
    assert [np.shape(rows) for rows in found] == [(3, 3), (3, 7), (2, 3)]
    assert data.inputs["tokens"].shape == (None,)
    assert data.inputs["tokens"].dtype == "int64"


def test_padded_shapes_and_values_are_by_name(tmp_path):
    stage = {"type": "padded_batch", "batch_size": 8, "padded_shapes": {"tokens": [8]}, "padding_values": -1}
    data = prepared(tmp_path, stage)
    assert next(data.train.batches()).inputs["tokens"][0].tolist() == [5, *[-1] * 7]
    assert data.inputs["tokens"].shape == (8,)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"type": "batch", "batch_size": 2}, r"t.jsonl, row 2, column 'tokens': has 3 values, .*`padded_batch`"),
        ({"type": "padded_batch", "batch_size": 9, "padded_shapes": {"tokens": [4]}}, r"'tokens': .*\(7,\) is larger"),
        ({"type": "padded_batch", "batch_size": 9, "padded_shapes": {"token": [4]}}, "no input or label 'token'"),
        (
            {"type": "padded_batch", "batch_size": 9, "padded_shapes": {"tokens": [4, 1]}},
            "has 2 sizes, an example has 1",
        ),
    ],
)
def test_what_cannot_be_filled_up_is_named(tmp_path, stage, message):
    with pytest.raises(DataError, match=message):
        list(prepared(tmp_path, stage).train.batches())


def test_a_stage_for_arrays_comes_after_what_fills_up(tmp_path):
    scaled = {"type": "rescaling", "scale": 0.5}
    data = prepared(tmp_path, {"type": "padded_batch", "batch_size": 3}, scaled)
    assert next(data.train.batches()).inputs["tokens"][2].tolist() == [2.0, 2.0, 0.0]
    with pytest.raises(DataError, match="comes after `padded_batch`"):
        prepared(tmp_path, scaled, {"type": "padded_batch", "batch_size": 3})


def test_labels_of_different_lengths_are_filled_up_too(tmp_path):
    rows = [{"x": [1, 2, 3], "y": [0, 1, 0]}, {"x": [4], "y": [1]}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = DataSpec(
        source={"type": "jsonl", "path": "t.jsonl", "label": "y"},
        pipeline=[{"type": "padded_batch", "batch_size": 2, "padding_values": {"y": -1}}],
    )
    data = prepare(spec, tmp_path)
    assert next(data.train.batches()).targets["y"].tolist() == [[0, 1, 0], [1, -1, -1]]
    assert data.targets["y"].shape == (None,)


def test_a_list_is_a_feature_beside_others(tmp_path):
    write(tmp_path)
    spec = DataSpec(
        source={"type": "jsonl", "path": "t.jsonl", "label": "label"},
        features={"tokens": "sequence", "n": "integer_categorical"},
        pipeline=[{"type": "padded_batch", "batch_size": 4}],
    )
    batch = next(prepare(spec, tmp_path).train.batches())
    assert {name: array.shape for name, array in batch.inputs.items()} == {"features": (4, 4), "tokens": (4, 4)}


def test_lists_of_parquet_records_and_generators(tmp_path):
    import polars

    polars.DataFrame({"x": ROWS, "y": list(range(8))}).write_parquet(tmp_path / "t.parquet")
    with tf.io.TFRecordWriter(str(tmp_path / "t.tfrecord")) as writer:
        for i, row in enumerate(ROWS):
            feature = {
                "x": tf.train.Feature(int64_list=tf.train.Int64List(value=row)),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[i])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    (tmp_path / "made.py").write_text(f"def rows():\n    yield from ((row, i) for i, row in enumerate({ROWS}))\n")
    features = {"x": {"dtype": "int64", "shape": [None]}, "y": {"dtype": "int64"}}
    found = []
    for source in (
        {"type": "parquet", "path": "t.parquet", "label": "y"},
        {"type": "tfrecord", "path": "t.tfrecord", "label": "y", "features": features},
        {"type": "generator", "function": "made:rows"},
    ):
        spec = DataSpec(source=source, pipeline=[{"type": "padded_batch", "batch_size": 8}])
        found.append(next(prepare(spec, tmp_path).train.batches()).inputs["x"].tolist())
    assert found[0] == found[1] == found[2] == filled_up(uneven([np.array(row) for row in ROWS]), [None], 0).tolist()


def test_what_a_function_makes_may_differ_in_length(tmp_path):
    (tmp_path / "own_lengths.py").write_text("def shorter(x, y):\n    return x[: int(y) + 1], y\n")
    examples = Batch({"x": np.arange(12).reshape(3, 4)}, {"y": np.arange(3)})
    shorter = {"type": "map", "function": "own_lengths:shorter"}
    filled = split_of(examples, shorter, {"type": "padded_batch", "batch_size": 3}, root=tmp_path)
    assert inputs(filled) == [[[0, 0, 0], [4, 5, 0], [8, 9, 10]]]
    with pytest.raises(DataError, match="`padded_batch` in place of `batch`"):
        inputs(split_of(examples, shorter, {"type": "batch", "batch_size": 3}, root=tmp_path))


@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=30), drop=st.booleans())
def test_buckets_are_those_of_tf_data(sizes, drop):
    if drop and not any(inputs_of_buckets(sizes, drop)):
        return
    split = split_of(lists_of(sizes), {**BUCKETS, "drop_remainder": drop})
    assert inputs(split) == inputs_of_buckets(sizes, drop)


def inputs_of_buckets(sizes: list[int], drop: bool) -> list[list]:
    arrays = lists_of(sizes).inputs["x"]
    dataset = tf.data.Dataset.from_generator(lambda: iter(arrays), output_signature=tf.TensorSpec([None], "int64"))
    batches = dataset.bucket_by_sequence_length(
        lambda x: tf.size(x), BUCKETS["bucket_boundaries"], BUCKETS["bucket_batch_sizes"], drop_remainder=drop
    )
    return [batch.tolist() for batch in batches.as_numpy_iterator()]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    start=st.integers(0, 12),
    epoch=st.integers(0, 2),
    after=st.booleans(),
)
def test_an_epoch_of_buckets_goes_on_where_it_stopped(sizes, start, epoch, after):
    shuffle = {"type": "shuffle", "buffer_size": 100}
    stages = [shuffle, BUCKETS, *([shuffle] if after else [])]
    whole, again = (split_of(lists_of(sizes), *stages) for _ in range(2))
    assert inputs(again, epoch=epoch, start=start, training=True) == inputs(whole, epoch=epoch, training=True)[start:]
    assert sorted(flat(labels(whole, epoch=epoch, training=True))) == list(range(1, len(sizes) + 1))


def test_predictions_keep_the_order_of_the_examples():
    split = split_of(lists_of([9, 1, 5, 1, 2]), BUCKETS)
    assert flat(labels(split.whole())) == [1, 2, 3, 4, 5]
    assert split.labels()["y"].tolist() == flat(labels(split)) != [1, 2, 3, 4, 5]


def test_buckets_of_texts_go_by_words_and_what_is_filled_up_by_zeros():
    assert lengths(np.array(["one", "two words", ""], object)).tolist() == [1, 2, 0]
    assert lengths(np.array([[3, 0, 2, 0], [0, 0, 0, 0]])).tolist() == [3, 0]


def test_a_bucket_s_batches_may_reach_to_its_boundary():
    stage = {**BUCKETS, "pad_to_bucket_boundary": True}
    assert {np.shape(batch)[1] for batch in inputs(split_of(lists_of([1, 1, 3, 4]), stage))} == {2, 5}
    with pytest.raises(DataError, match=r"length 6, .* below the last boundary, 6; add a boundary"):
        split_of(lists_of([1, 6]), stage)


def test_a_function_tells_the_length(tmp_path):
    (tmp_path / "own_measure.py").write_text("def first(x, y):\n    return x[0]\n")
    stage = {**BUCKETS, "element_length_func": "own_measure:first"}
    split = split_of(lists_of([1, 1, 1, 1]), stage, root=tmp_path)
    assert labels(split) == [[1, 2], [3, 4]]


def test_text_in_buckets_learns_and_is_restored(tmp_path):
    rows = [{"text": " ".join(["word"] * (1 + i % 7)), "y": i % 2} for i in range(20)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = DataSpec(
        source={"type": "jsonl", "path": "t.jsonl", "label": "y"},
        features={"text": "text"},
        pipeline=["text_vectorization", {"type": "shuffle", "buffer_size": 20}, BUCKETS],
    )
    data = prepare(spec, tmp_path)
    data.save(tmp_path / "kept")
    again = restore(spec, tmp_path, 0, tmp_path / "kept")
    first, second = ([b.inputs["text"].tolist() for b in d.train.batches(1, training=True)] for d in (data, again))
    assert first == second
    assert all(np.shape(batch)[1] == max(map(sum, (np.array(batch) > 0).astype(int))) for batch in first)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bucket_batch_sizes": [2]}, "expected 3 sizes, one more than there are boundaries, got 1"),
        ({"bucket_boundaries": [6, 3]}, "expected lengths that rise"),
    ],
)
def test_buckets_that_make_no_sense_are_refused(changed, message):
    with pytest.raises((FieldError, SpecError), match=message):
        DataSpec(source=SOURCE, pipeline=[{**BUCKETS, **changed}])


def test_which_of_several_inputs_counts_must_be_said():
    examples = Batch({"a": np.eye(3), "b": np.eye(3)})
    with pytest.raises(DataError, match="name it by `features`: a, b"):
        split_of(examples, BUCKETS)


def test_unbatch_lets_whole_batches_be_shuffled():
    examples = Batch({"x": np.arange(12)}, {"y": np.arange(12)})
    four, two = ({"type": "batch", "batch_size": size} for size in (4, 2))
    split = split_of(examples, four, {"type": "shuffle", "buffer_size": 9}, "unbatch", two, seed=1)
    found = inputs(split, training=True)
    assert [b + a for b, a in zip(found[::2], found[1::2], strict=True)] != inputs(split_of(examples, four))
    assert sorted(b + a for b, a in zip(found[::2], found[1::2], strict=True)) == inputs(split_of(examples, four))


@settings(deadline=None)
@given(count=st.integers(1, 20), size=st.integers(1, 5), shift=st.integers(1, 7), stride=st.integers(1, 3))
def test_windows_are_those_of_tf_data(count, size, shift, stride):
    dataset = tf.data.Dataset.range(count).window(size, shift, stride, drop_remainder=True)
    expected = [[int(x) for x in window.as_numpy_iterator()] for window in dataset]
    if not expected:
        return
    window = {"type": "window", "size": size, "shift": shift, "stride": stride, "drop_remainder": True}
    examples = Batch({"x": np.arange(count)}, {"y": np.arange(count)})
    split = split_of(examples, window, {"type": "batch", "batch_size": 4})
    assert flat(inputs(split)) == flat(labels(split)) == expected
    assert flat(inputs(split, start=1)) == expected[4:]


STREAMED = [
    [{"type": "padded_batch", "batch_size": 3, "drop_remainder": True}, {"type": "shuffle", "buffer_size": 2}],
    [{"type": "batch", "batch_size": 3}, "unbatch", {"type": "skip", "count": 1}, {"type": "batch", "batch_size": 2}],
    [{"type": "window", "size": 3, "shift": 2, "drop_remainder": True}, {"type": "batch", "batch_size": 1}],
    [{"type": "window", "size": 2, "shift": 5, "drop_remainder": True}, {"type": "batch", "batch_size": 1}],
]


@pytest.mark.parametrize("stages", STREAMED)
@pytest.mark.parametrize("start", [0, 1])
def test_streamed_groups_are_those_of_what_is_kept(tmp_path, monkeypatch, stages, start):
    monkeypatch.setattr("tfcli.data.sources.tabular.CHUNK_ROWS", 3)
    column = "tokens" if stages[0]["type"] == "padded_batch" else "n"
    found = []
    for streaming in (False, True):
        train = prepared(tmp_path, *stages, features=column, streaming=streaming).train
        batches = list(train.batches(1, start, training=True))
        found.append([{n: a.tolist() for n, a in (b.inputs | b.targets).items()} for b in batches])
        assert train.steps_per_epoch() == len(batches) + start
    assert found[0] == found[1] != []


def test_buckets_of_a_stream_are_refused(tmp_path):
    with pytest.raises(DataError, match="needs all examples in memory"):
        prepared(tmp_path, BUCKETS, streaming=True)


def test_resampling_gives_the_proportions_asked_for_anew_in_each_epoch():
    examples = Batch({"x": np.arange(100)}, {"y": (np.arange(100) % 10 == 0).astype(np.int64)})
    stage = {"type": "rejection_resample", "target_dist": [0.5, 0.5]}
    split = split_of(examples, stage, {"type": "batch", "batch_size": 100})
    first, second = (labels(split, epoch=epoch, training=True)[0] for epoch in (0, 1))
    assert np.bincount(first).tolist() == np.bincount(second).tolist() == [10, 10]
    assert inputs(split, epoch=0, training=True) != inputs(split, epoch=1, training=True)
    assert inputs(split, epoch=1, training=True) == inputs(split, epoch=1, training=True)
    assert len(labels(split)[0]) == 100
    assert split.steps_per_epoch() == 1


def test_resampling_refuses_classes_it_knows_no_share_of():
    examples = Batch({"x": np.arange(3)}, {"y": np.arange(3)})
    with pytest.raises(DataError, match="classes 0 to 1, and 'y' has 0 to 2"):
        split_of(examples, {"type": "rejection_resample", "target_dist": [1, 1]}).steps_per_epoch()


def test_a_snapshot_is_kept_in_files(tmp_path):
    examples = Batch({"x": np.arange(4, dtype=np.float32)}, {"y": np.arange(4)})
    stages = [{"type": "rescaling", "scale": 2.0}, {"type": "snapshot", "path": "kept/s"}]
    assert inputs(split_of(examples, *stages, root=tmp_path)) == [[0, 2, 4, 6]]
    assert len(list((tmp_path / "kept").glob("s-*.npz"))) == 1


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (["unbatch"], "no batches to take apart"),
        ([{"type": "batch", "batch_size": 2}, BUCKETS], "`bucket_by_sequence_length` takes examples"),
        ([{"type": "batch", "batch_size": 2}, {"type": "window", "size": 2, "drop_remainder": True}], "takes examples"),
        ([{"type": "window", "size": 2}], "would be shorter than the others"),
        (
            [{"type": "batch", "batch_size": 2}, {"type": "map", "function": "m:f"}, "unbatch"],
            "batches that `unbatch` takes apart",
        ),
    ],
)
def test_groups_that_cannot_be_made_are_refused(stages, message):
    with pytest.raises((FieldError, SpecError), match=message):
        DataSpec(source=SOURCE, pipeline=stages)
