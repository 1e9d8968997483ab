"""Indexing, gather and scatter, order and segments, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops import index, order, segment
from tfcli.engine.ops.slicing import Slice
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.errors import DtypeError, ShapeError, TfcliError

X = np.random.default_rng(0).standard_normal((3, 4, 2))


@settings(max_examples=100, deadline=None)
@given(basic_indices(X.shape, allow_newaxis=True))
def test_slices_are_numpys(key):
    np.testing.assert_array_equal(constant(X)[key].array, X[key])


@settings(max_examples=30, deadline=None)
@given(basic_indices(X.shape, allow_newaxis=True))
def test_gradients_of_slices(key):
    check_gradients(lambda x: x[key], [X], order=1)
    assert constant(X)[key].shape == X[key].shape


def test_a_slice_of_two_unknown_sizes():
    full = (None, None, None)
    spec = TensorSpec(Shape((None, None, 4)))
    assert Slice((full, full, (1, 3, None))).infer(spec).shape == (None, None, 2)
    assert Slice((full, 0, None, Ellipsis)).infer(spec).shape == (None, 1, 4)
    assert Slice(((0, 2, None),)).infer(spec).shape == (None, None, 4)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (3, r"\[3\] does not fit .* \(3, 4, 2\): axis 0 has no entry 3"),
        ((0, 0, 0, 0), "it names 4 axes, there are 3"),
        ((..., ...), "more than one '...'"),
        (slice(None, None, 0), "a step cannot be 0"),
    ],
)
def test_a_key_that_does_not_fit(key, message):
    with pytest.raises(ShapeError, match=message):
        constant(X)[key]


@pytest.mark.parametrize("key", [1.5, "a", slice(0, 1.5)])
def test_a_key_of_the_wrong_kind(key):
    with pytest.raises(DtypeError, match="a tensor is indexed by integers"):
        constant(X)[key]


def test_two_arrays_are_no_key():
    with pytest.raises(ShapeError, match=r"tf\.gather_nd"):
        constant(X)[[0, 1], [1, 0]]


def test_masks_and_integers_pick():
    t, mask = constant(X), X[:, 0, 0] > 0
    np.testing.assert_array_equal(t[mask].array, X[mask])
    np.testing.assert_array_equal(t[t > 0].array, X[X > 0])
    np.testing.assert_array_equal(t[[0, -1]].array, X[[0, -1]])
    np.testing.assert_array_equal(t[constant(1)].array, X[1])


def test_an_index_known_only_when_running():
    row = function(lambda x, i: x[i])
    np.testing.assert_array_equal(row(constant(X), constant(2)).array, X[2])


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_gather_is_take(axis):
    places = np.array([[0, 1], [1, 1]])
    np.testing.assert_array_equal(index.gather(X, places, axis=axis).array, np.take(X, places, axis))


@pytest.mark.parametrize("axis", [1, 2])
def test_gather_in_batches(axis):
    places = np.array([[0, 1], [1, 1], [1, 0]])
    expected = np.stack([np.take(x, p, axis - 1) for x, p in zip(X, places, strict=True)])
    np.testing.assert_array_equal(index.gather(X, places, axis=axis, batch_dims=1).array, expected)


@pytest.mark.parametrize("wrong", [3, -1])
def test_gather_refuses_what_is_outside(wrong):
    message = f"gather: the index {wrong} is outside axis 0 of size 3; indices go from 0 to 2"
    with pytest.raises(TfcliError, match=message):
        index.gather(X, [0, wrong])
    with pytest.raises(TfcliError, match=message):
        function(index.gather)(constant(X), constant([0, wrong]))


def test_gather_refuses_floats():
    with pytest.raises(DtypeError, match="gather: indices must be integers"):
        index.gather(X, [0.0])


def test_the_gradient_of_gather_adds_up_repeated_rows():
    x = constant(X)
    with GradientTape() as tape:
        tape.watch(x)
        y = index.gather(x, [1, 1, 2])
    assert tape.gradient(y, x).array[:, 0, 0].tolist() == [0.0, 2.0, 1.0]


def test_scatter_and_gather_by_coordinates():
    places = [[0, 1], [2, 3], [0, 1]]
    np.testing.assert_array_equal(index.gather_nd(X, places).array, X[[0, 2, 0], [1, 3, 1]])
    assert index.scatter_nd([[0], [2], [0]], constant([1.0, 2.0, 3.0]), [4]).array.tolist() == [4.0, 0.0, 2.0, 0.0]
    added = index.tensor_scatter_nd_add(constant([1.0, 1.0]), [[0], [0]], constant([1.0, 2.0]))
    assert added.array.tolist() == [4.0, 1.0]
    updated = index.tensor_scatter_nd_update(constant([1.0, 1.0]), [[1]], constant([5.0]))
    assert updated.array.tolist() == [1.0, 5.0]
    with pytest.raises(ShapeError, match=r"the updates have the shape \(2,\), expected \(1,\)"):
        index.scatter_nd([[0]], constant([1.0, 2.0]), [4])
    with pytest.raises(ShapeError, match="their last axis holds 0 to 1 coordinates"):
        index.scatter_nd([[0, 0]], constant([1.0]), [4])


def test_a_mask_in_a_graph_leaves_the_size_open():
    kept = function(index.boolean_mask)
    concrete = kept.get_concrete_function(TensorSpec((3, 4, 2), "float64"), TensorSpec((3, 4), "bool"))
    assert concrete.structured_outputs.shape == (None, 2)
    np.testing.assert_array_equal(kept(constant(X), constant(X[..., 0] > 0)).array, X[X[..., 0] > 0])


def test_a_mask_must_match():
    with pytest.raises(ShapeError, match=r"the mask \(2,\) must match the axes of \(3, 4, 2\) from axis 0 on"):
        index.boolean_mask(X, [True, False])


def test_one_hot():
    assert index.one_hot([1, 3, -1], 3).array.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert index.one_hot([0, 1], 2, on_value=5, off_value=-1, axis=0, dtype="int32").array.tolist() == [
        [5, -1],
        [-1, 5],
    ]


@pytest.mark.parametrize("arguments", [(5,), (2, 5), (5, 0, -2), (0.0, 1.0, 0.25), (0, 0)])
def test_range_is_arange(arguments):
    result = index.range_(*arguments)
    np.testing.assert_allclose(result.array, np.arange(*arguments))
    assert result.dtype == ("float32" if isinstance(arguments[0], float) else "int32")


def test_range_in_a_graph():
    assert function(lambda n: index.range_(n) * 2)(constant(3)).array.tolist() == [0, 2, 4]


def test_regular_tensors_are_numpys():
    np.testing.assert_allclose(index.linspace(0, 1, 5).array, np.linspace(0, 1, 5))
    np.testing.assert_array_equal(index.eye(2, 3).array, np.eye(2, 3))
    for indexing in ("xy", "ij"):
        for ours, theirs in zip(
            index.meshgrid([1, 2], [3, 4, 5], indexing=indexing),
            np.meshgrid([1, 2], [3, 4, 5], indexing=indexing),
            strict=True,
        ):
            np.testing.assert_array_equal(ours.array, theirs)


def test_top_k_keeps_the_order_of_equal_entries():
    values, indices = order.top_k([[1, 3, 2, 3]], 3)
    assert (values.array.tolist(), indices.array.tolist()) == ([[3, 3, 2]], [[1, 3, 2]])
    with pytest.raises(ShapeError, match="top_k: k=5 of a last axis of size 4"):
        order.top_k(np.zeros(4), 5)


def test_in_top_k_counts_ties():
    assert order.in_top_k([1, 2], [[0.5, 0.5, 0.1], [0.5, 0.5, 0.1]], 1).array.tolist() == [True, False]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sort_and_its_gradient(axis):
    np.testing.assert_array_equal(order.sort(X, axis).array, np.sort(X, axis))
    np.testing.assert_array_equal(order.sort(X, axis, "DESCENDING").array, np.flip(np.sort(X, axis), axis))
    np.testing.assert_array_equal(order.argsort(X, axis).array, np.argsort(X, axis))
    check_gradients(lambda x: order.sort(x, axis), [X], order=1)


def test_searchsorted():
    assert order.searchsorted([1.0, 2.0, 2.0], [2.0, 5.0]).array.tolist() == [1, 3]
    assert order.searchsorted([1.0, 2.0, 2.0], [2.0, 0.0], side="right").array.tolist() == [3, 0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=8))
def test_segments(ids):
    data = np.random.default_rng(1).standard_normal((len(ids), 2))
    groups = [data[np.equal(ids, i)] for i in range(4)]
    sums = segment.unsorted_segment_sum(data, ids, 4).array
    means = segment.unsorted_segment_mean(data, ids, 4).array
    highest, lowest = segment.unsorted_segment_max(data, ids, 4).array, segment.unsorted_segment_min(data, ids, 4).array
    for i, rows in enumerate(groups):
        np.testing.assert_allclose(sums[i], rows.sum(0), atol=1e-12)
        np.testing.assert_allclose(means[i], rows.mean(0) if len(rows) else [0, 0], atol=1e-12)
        np.testing.assert_array_equal(highest[i], rows.max(0, initial=np.finfo(np.float64).min))
        np.testing.assert_array_equal(lowest[i], rows.min(0, initial=np.finfo(np.float64).max))


def test_segments_in_order():
    data = constant([1.0, 2.0, 3.0])
    assert segment.segment_sum(data, [0, 0, 2]).array.tolist() == [3.0, 0.0, 3.0]
    assert segment.segment_mean(data, [0, 0, 1]).array.tolist() == [1.5, 3.0]
    assert segment.segment_max(data, [0, 0, 1]).array.tolist() == [2.0, 3.0]
    assert segment.segment_min(data, [0, 0, 1]).array.tolist() == [1.0, 3.0]
    with pytest.raises(TfcliError, match="the ids must rise"):
        segment.segment_sum(data, [1, 0, 2])
    with pytest.raises(TfcliError, match="the id 3 is outside the 2 segments"):
        segment.unsorted_segment_sum(data, [0, 0, 3], 2)


def test_an_extreme_of_a_segment_shares_its_gradient_among_ties():
    data = constant([2.0, 2.0, 1.0, 5.0])
    with GradientTape() as tape:
        tape.watch(data)
        y = segment.unsorted_segment_max(data, [0, 0, 0, -1], 1)
    assert tape.gradient(y, data).array.tolist() == [0.5, 0.5, 0.0, 0.0]
