"""Keras's preprocessing layers as stages; expected numbers are those that Keras 3 gives."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.data.pipeline import Pipeline
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
    with pytest.raises(DataError, match="has 4, expected whole numbers from 0 to 3"):
        output({"type": "category_encoding", "num_tokens": 4}, [[4]])


def test_string_lookup_puts_the_most_frequent_first_and_unknown_at_0():
    assert output("string_lookup", ["a", "z", "d"], train=["b", "a", "c", "b", "a", "d"]).tolist() == [2, 0, 3]


def test_string_lookup_with_mask_drops_it_from_vectors():
    stage = {"type": "string_lookup", "vocabulary": ["a", "b"], "mask_token": "", "output_mode": "multi_hot"}
    assert output(stage, [["a", "b"], ["z", ""]]).tolist() == [[0, 1, 1], [1, 0, 0]]
    assert output(stage | {"output_mode": "int"}, [["a", "b"], ["z", ""]]).tolist() == [[2, 3], [1, 0]]


def test_string_lookup_without_room_for_unknown_values_refuses_them():
    stage = {"type": "string_lookup", "vocabulary": ["a"], "num_oov_indices": 0}
    with pytest.raises(DataError, match="has 'b', which is not in the vocabulary"):
        output(stage, ["b"])


def test_integer_lookup():
    stage = {"type": "integer_lookup", "vocabulary": [5, 7], "output_mode": "one_hot"}
    assert output(stage, [7, 9]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert output({"type": "integer_lookup", "max_tokens": 2}, [1, 2, 2, 3]).tolist() == [0, 1, 1, 0]


def test_lookups_take_their_own_kind_of_value():
    with pytest.raises(DataError, match=r"\(string_lookup\): column 'x' has numbers"):
        output("string_lookup", [1])
    with pytest.raises(DataError, match=r"\(integer_lookup\): column 'x' has texts"):
        output("integer_lookup", ["a"])


def test_an_unknown_input_is_named():
    with pytest.raises(DataError, match="there is no input 'xx'; did you mean `x`"):
        output({"type": "rescaling", "scale": 1.0, "features": "xx"}, [1.0])


def test_one_hot_learns_its_depth_and_refuses_what_is_beyond():
    assert run("one_hot", [0.0, 0.0], [2, 0]).targets["y"].tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(DataError, match="has 2, expected whole numbers from 0 to 1"):
        run({"type": "one_hot", "depth": 2}, [0.0], [2])
    with pytest.raises(DataError, match=r"has 0.5, and this stage takes whole numbers"):
        run("one_hot", [0.0], [0.5])


def test_one_hot_has_nothing_to_do_without_labels():
    assert run({"type": "one_hot", "depth": 2}, [0.0]).targets == {}
