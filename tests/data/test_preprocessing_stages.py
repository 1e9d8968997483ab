"""Keras's preprocessing layers as stages; expected numbers are those that Keras 3 gives."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.data.pipeline import Pipeline
from tfcli.data.prepared import prepare, restore
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Context
from tfcli.errors import DataError


def run(stage: dict | str, x, y=None, train=None) -> Batch:
    spec = DataSpec(source={"type": "npz", "path": "unused.npz"}, pipeline=[stage])
    batch = batch_of(x, y)
    pipeline = Pipeline(spec.pipeline, Context("", Path(), 0), {})
    pipeline = pipeline.learn(batch if train is None else batch_of(train, y))
    (function,) = pipeline.functions()
    return function(batch)


def batch_of(x, y) -> Batch:
    x = np.asarray(x)
    return Batch({"x": x.astype(object) if x.dtype.kind == "U" else x}, {} if y is None else {"y": np.asarray(y)})


def output(stage: dict | str, x, train=None) -> np.ndarray:
    return run(stage, x, None, train).inputs["x"]


def test_rescaling_makes_bytes_numbers():
    result = output({"type": "rescaling", "scale": 0.5, "offset": 1.0}, np.array([[2, 4]], np.uint8))
    assert result.dtype == np.float32
    assert result.tolist() == [[2, 3]]


def test_texts_cannot_be_rescaled():
    with pytest.raises(DataError, match=r"data.pipeline\[0\] \(rescaling\): column 'x' has texts like 'a'"):
        output({"type": "rescaling", "scale": 0.5}, ["a"])


def test_normalization_learns_each_position_s_mean_and_variance():
    x = np.array([[1.0, 10], [2, 20], [4, 60]], np.float32)
    expected = [[-1.0690448, -0.9258201], [-0.2672611, -0.4629101], [1.3363062, 1.3887302]]
    np.testing.assert_allclose(output("normalization", x), expected, rtol=1e-6)


def test_normalization_learns_the_same_in_many_batches_as_in_one():
    x = (np.random.default_rng(0).normal(size=(3000, 4)) * 3 + 1000).astype(np.float32)
    result = output("normalization", x)
    np.testing.assert_allclose(result, (x - x.mean(0, dtype=np.float64)) / x.std(0, dtype=np.float64), atol=2e-4)


def test_normalization_over_all_axes_with_given_numbers_and_inverted():
    x = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    np.testing.assert_allclose(output({"type": "normalization", "axis": None}, x), (x - x.mean()) / x.std(), rtol=1e-5)
    given = {"type": "normalization", "mean": [1.0, 2.0], "variance": [4.0, 9.0]}
    np.testing.assert_allclose(output(given, x), (x - [1, 2]) / [2, 3], rtol=1e-6)
    np.testing.assert_allclose(output(given | {"invert": True}, x), x * [2, 3] + [1, 2], rtol=1e-6)


def test_a_constant_column_is_not_divided_by_zero():
    assert output("normalization", np.ones((3, 1), np.float32)).tolist() == [[0], [0], [0]]


def test_normalization_of_a_shape_it_cannot_have_is_refused():
    with pytest.raises(DataError, match="has no axis -1"):
        output("normalization", np.ones(3, np.float32))
    with pytest.raises(DataError, match=r"mean of shape \(3,\) does not fit"):
        output({"type": "normalization", "mean": [1.0] * 3, "variance": [1.0] * 3}, np.ones((2, 2), np.float32))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("one_hot", [[[1, 0, 0, 0], [0, 1, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]]]),
        ("multi_hot", [[1, 1, 0, 0], [0, 0, 0, 1]]),
        ("count", [[1, 1, 0, 0], [0, 0, 0, 2]]),
    ],
)
def test_category_encoding(mode, expected):
    stage = {"type": "category_encoding", "num_tokens": 4, "output_mode": mode}
    assert output(stage, [[0, 1], [3, 3]]).tolist() == expected
    assert output(stage, [[0], [3]]).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_a_category_outside_the_range_is_refused():
    with pytest.raises(DataError, match="column 'x': expected whole numbers from 0 to 3, got 4"):
        output({"type": "category_encoding", "num_tokens": 4}, [[4]])


def test_string_lookup_puts_the_most_frequent_first_and_unknown_at_0():
    assert output("string_lookup", ["a", "z", "d"], train=["b", "a", "c", "b", "a", "d"]).tolist() == [2, 0, 3]


def test_string_lookup_with_mask_drops_it_from_vectors():
    stage = {"type": "string_lookup", "vocabulary": ["a", "b"], "mask_token": "", "output_mode": "multi_hot"}
    assert output(stage, [["a", "b"], ["z", ""]]).tolist() == [[0, 1, 1], [1, 0, 0]]
    assert output(stage | {"output_mode": "int"}, [["a", "b"], ["z", ""]]).tolist() == [[2, 3], [1, 0]]


def test_string_lookup_without_room_for_unknown_values_refuses_them():
    stage = {"type": "string_lookup", "vocabulary": ["a"], "num_oov_indices": 0}
    with pytest.raises(DataError, match="column 'x': 'b' is not in the vocabulary"):
        output(stage, ["b"])


def test_integer_lookup():
    stage = {"type": "integer_lookup", "vocabulary": [5, 7], "output_mode": "one_hot"}
    assert output(stage, [7, 9]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert output({"type": "integer_lookup", "max_tokens": 2}, [1, 2, 2, 3]).tolist() == [0, 1, 1, 0]


def test_lookups_take_their_own_kind_of_value():
    with pytest.raises(DataError, match=r"\(string_lookup\): column 'x': expected texts, got numbers"):
        output("string_lookup", [1])
    with pytest.raises(DataError, match=r"\(integer_lookup\): column 'x': expected whole numbers, got texts like 'a'"):
        output("integer_lookup", ["a"])


def test_an_unknown_input_is_named():
    with pytest.raises(DataError, match="there is no input 'xx'; did you mean `x`"):
        output({"type": "rescaling", "scale": 1.0, "features": "xx"}, [1.0])


def test_one_hot_learns_its_depth_and_refuses_what_is_beyond():
    assert run("one_hot", [0.0, 0.0], [2, 0]).targets["y"].tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(DataError, match="expected whole numbers from 0 to 1, got 2"):
        run({"type": "one_hot", "depth": 2}, [0.0], [2])
    with pytest.raises(DataError, match=r"has 0.5, and this stage takes whole numbers"):
        run("one_hot", [0.0], [0.5])


def test_one_hot_has_nothing_to_do_without_labels():
    assert run({"type": "one_hot", "depth": 2}, [0.0]).targets == {}


# texts, hashes and sounds


def test_discretization_learns_boundaries():
    stage = {"type": "discretization", "num_bins": 4}
    train = np.array([[float(i * i)] for i in range(100)])
    assert output(stage, [[0.0], [600.0], [9000.0]], train).tolist() == [[0], [1], [3]]
    vectors = output(stage | {"output_mode": "one_hot"}, np.array([0.0, 9000.0]), train[:, 0])
    assert vectors.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_hashing_has_the_bins_of_keras():
    assert output({"type": "hashing", "num_bins": 3}, ["A", "B", "C", "D", "E"]).tolist() == [1, 0, 1, 1, 2]
    salted = {"type": "hashing", "num_bins": 3, "salt": 133}
    assert output(salted, ["A", "B", "C", "D", "E"]).tolist() == [0, 0, 2, 1, 0]


def test_hashed_crossing_adds_an_input():
    stages = [{"type": "hashed_crossing", "num_bins": 5, "features": ["a", "b"]}]
    spec = DataSpec(source={"type": "npz", "path": "unused.npz"}, pipeline=stages)
    batch = Batch({"a": np.array(["A", "B", "A", "B", "A"], object), "b": np.array([101, 101, 101, 102, 102])})
    (function,) = Pipeline(spec.pipeline, Context("", Path(), 0), {}).functions()
    assert function(batch).inputs["a_X_b"].tolist() == [1, 4, 1, 1, 3]
    with pytest.raises(DataError, match=r"column 'a_X_b': expected whole numbers or texts, got float64"):
        function(batch.with_inputs({"b": np.ones(5)}))
    with pytest.raises(DataError, match="there is no input 'a'"):
        function(Batch({"c": np.ones(5)}))


def test_text_vectorization_learns_its_vocabulary():
    stage = {"type": "text_vectorization", "output_sequence_length": 4}
    train = ["foo bar", "bar baz", "baz bada boom"]
    assert output(stage, ["foo qux bar", "qux baz"], train).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]


@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_text_vectorization_makes_a_vector_a_text(mode):
    stage = {"type": "text_vectorization", "output_mode": mode}
    vectors = output(stage, ["foo foo", "bar"], ["foo bar", "bar"])
    assert vectors.dtype == np.float32
    expected = {"multi_hot": 1.0, "count": 2.0, "tf_idf": 2 * np.log1p(2 / 2)}
    np.testing.assert_allclose(vectors, [[0, 0, expected[mode]], [0, vectors[1, 1], 0]], rtol=1e-6)


def test_rows_of_tokens_differ_in_length_from_batch_to_batch(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.array(["a b c", "a", "b", "c"]), y=np.arange(4))
    stages = [{"type": "batch", "batch_size": 2}, "text_vectorization"]
    source = {"type": "npz", "path": "t.npz", "label": "y"}
    prepared = prepare(DataSpec(source=source, pipeline=stages), tmp_path)
    assert prepared.inputs["x"].shape == (None,)
    assert [batch.inputs["x"].shape for batch in prepared.train.batches()] == [(2, 3), (2, 1)]


def test_a_vocabulary_of_a_file_is_kept(tmp_path):
    (tmp_path / "words.txt").write_text("b\na\n")
    np.savez(tmp_path / "t.npz", x=np.array(["a", "z"]), y=np.arange(2))
    source = {"type": "npz", "path": "t.npz", "label": "y"}
    data = DataSpec(source=source, pipeline=[{"type": "string_lookup", "vocabulary": "words.txt"}])
    prepare(data, tmp_path).save(tmp_path / "kept")
    (tmp_path / "words.txt").unlink()
    restored = restore(data, tmp_path, 0, tmp_path / "kept")
    assert next(restored.train.batches()).inputs["x"].tolist() == [2, 0]


def test_a_mel_spectrogram_before_batch_does_not_depend_on_the_examples_beside_it():
    stage = {"type": "mel_spectrogram", "fft_length": 16, "sequence_stride": 8, "num_mel_bins": 3, "top_db": 10.0}
    sounds = np.sin(np.arange(128.0).reshape(2, 64)) * np.array([[1.0], [0.001]])
    both = output(stage, sounds)
    assert both.shape == (2, 3, 9)
    np.testing.assert_allclose(both[1:], output(stage, sounds[1:]), rtol=1e-5)


def test_an_stft_spectrogram_reads_channels():
    stage = {"type": "stft_spectrogram", "frame_length": 8, "mode": "magnitude"}
    assert output(stage, np.ones((2, 20, 2), np.float32)).shape == (2, 4, 10)
    with pytest.raises(DataError, match=r"column 'x': expected signals \(batch, samples, channels\)"):
        output(stage, np.ones((2, 20), np.float32))
