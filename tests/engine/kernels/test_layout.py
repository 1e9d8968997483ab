"""Moving entries about by kernels against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, is_lowered

import tfcli.engine.kernels.layout  # noqa: F401
from tfcli.engine.ops import join, slicing
from tfcli.engine.ops import reduce as r
from tfcli.engine.ops import shape as s
from tfcli.engine.spec import Shape

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_, np.float16]


def numbers(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return (np.arange(np.prod(shape, dtype=int)) % 251).reshape(shape).astype(dtype)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("perm", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_transposes_agree_with_numpy(perm, lanes):
    assert_as_numpy(s.Transpose(perm), numbers(3, 5, 19), lanes=lanes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_entries_of_any_width_are_moved(dtype):
    x = numbers(7, 3, 21, dtype=dtype)
    assert_as_numpy(s.Transpose((1, 0, 2)), x, lanes=8)
    assert_as_numpy(s.BroadcastTo(Shape((2, 7, 3, 21))), x, lanes=8)
    assert_as_numpy(s.BroadcastTo(Shape((7, 3, 21))), x[:, :, :1].copy(), lanes=8)


KEYS = [
    (-1,),
    (2,),
    ((1, None, None),),
    ((None, None, -1), (None, None, None)),
    ((None, None, None), (None, None, -1)),
    ((None, None, None), None, 3),
    (Ellipsis, (0, 9, 2)),
    ((4, 1, None), Ellipsis),
    (Ellipsis, 0),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("key", KEYS)
def test_slices_and_their_gradients_agree_with_numpy(key, lanes):
    x = numbers(5, 11, 18)
    assert_as_numpy(slicing.Slice(key), x, lanes=lanes)
    assert_as_numpy(slicing.SliceGrad(key), slicing.Slice(key).forward(x), x, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pieces_are_joined_and_cut(axis, lanes):
    shapes = [[3, 4, 5] for _ in range(3)]
    for n, shape in enumerate(shapes):
        shape[axis] = 2 * n + 1
    pieces = [numbers(*shape) for shape in shapes]
    assert_as_numpy(join.Concat(axis), *pieces, lanes=lanes)
    assert_as_numpy(join.ConcatGrad(axis), np.concatenate(pieces, axis), *pieces, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
def test_padding_has_its_value(lanes):
    assert_as_numpy(join.Pad(((1, 2), (0, 0), (3, 0)), 1.5), numbers(3, 4, 9), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("multiples", [(1, 2, 3), (4, 1, 1), (1, 1, 1)])
def test_tiles_repeat(multiples, lanes):
    assert_as_numpy(join.Tile(multiples), numbers(2, 3, 7), lanes=lanes)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=4), st.sampled_from(LANES))
def test_broadcasting_agrees_with_numpy(axes, lanes):
    shape = tuple(size for size, _ in axes)
    source = tuple(1 if broadcast else size for size, broadcast in axes)
    assert_as_numpy(s.BroadcastTo(Shape(shape)), numbers(*source), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_shared_gradients_agree_with_numpy(axes, lanes):
    shape = (4, 5, 19)
    g = numbers(*(1 if i in axes else size for i, size in enumerate(shape)))
    assert_as_numpy(r.ReduceMeanGrad(axes), g, numbers(*shape), lanes=lanes)


def test_large_arrays_are_shared_out():
    x = numbers(3, 50_001)
    assert_as_numpy(s.Transpose((1, 0)), x, lanes=8)
    assert_as_numpy(slicing.Slice(((0, 2, None),)), x, lanes=8)


def test_nothing_to_move_is_no_work():
    assert is_lowered(s.Transpose((1, 0)), numbers(0, 3))


def test_entries_without_a_width_are_left_to_numpy():
    assert not is_lowered(s.Transpose((1, 0)), np.zeros((2, 3), np.complex128))
