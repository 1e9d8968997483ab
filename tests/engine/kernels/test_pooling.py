"""Pooling by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import LANES, assert_as_numpy, is_lowered, run_lowered

import tfcli.engine.kernels.pooling  # noqa: F401
from tfcli.engine.ops.pool import AveragePool, AveragePoolGrad, MaxPool, MaxPoolGrad

OPS = (MaxPool, AveragePool)


def assert_pools(op: MaxPool | AveragePool, x: np.ndarray, lanes: int) -> None:
    """The pooling and its gradient agree with numpy."""
    assert_as_numpy(op, x, lanes=lanes)
    y = op.forward(x)
    g = np.random.default_rng(3).standard_normal(y.shape).astype(x.dtype)
    if isinstance(op, MaxPool):
        assert_as_numpy(op.sibling(MaxPoolGrad), g, x, y, lanes=lanes)
    else:
        assert_as_numpy(op.sibling(AveragePoolGrad), g, x, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("kind", OPS)
@pytest.mark.parametrize(
    ("shape", "size", "strides", "padding"),
    [
        ((2, 6, 6, 8), (2, 2), (2, 2), "valid"),
        ((3, 7, 5, 3), (3, 3), (1, 2), "same"),
        ((2, 9, 17), (4,), (3,), "causal"),
        ((1, 4, 5, 3, 9), (2, 3, 2), (2, 1, 1), "same"),
        ((2, 5, 5, 33), (2, 2), (3, 3), "valid"),
        ((1, 3, 3, 1), (2, 2), (2, 2), ((2, 0), (0, 3))),
        ((0, 4, 4, 2), (2, 2), (2, 2), "valid"),
        ((2, 6, 7, 19), (2, 2), (2, 2), "valid"),
        ((2, 7, 7, 5), (3, 3), (2, 2), "valid"),
        ((3, 12, 6), (5,), (5,), "valid"),
        ((1, 10, 10, 4), (5, 5), (5, 5), "valid"),
    ],
)
def test_pooling_agrees_with_numpy(kind, shape, size, strides, padding, lanes):
    # Few different numbers, so that windows have several maxima.
    x = np.random.default_rng(0).integers(-2, 3, shape).astype(np.float32)
    assert_pools(kind(size, strides, padding), x, lanes)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_pooling_agrees_with_numpy(data):
    rank = data.draw(st.integers(1, 3))
    size, strides = (tuple(data.draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(2))
    sizes = tuple(data.draw(st.integers(k, 7)) for k in size)
    padding = data.draw(st.sampled_from(["valid", "same", "causal"]))
    shape = (data.draw(st.integers(0, 3)), *sizes, data.draw(st.sampled_from([1, 3, 5, 16, 19])))
    x = np.random.default_rng(data.draw(st.integers(0, 9))).standard_normal(shape).astype(np.float32)
    assert_pools(data.draw(st.sampled_from(OPS))(size, strides, padding), x, data.draw(st.sampled_from(LANES)))


@pytest.mark.parametrize("kind", OPS)
def test_float64_is_pooled(kind):
    assert_pools(kind((2, 2), (2, 2), "same"), np.random.default_rng(1).standard_normal((2, 5, 5, 7)), 8)


@pytest.mark.parametrize("kind", OPS)
def test_nan_and_infinity_come_out_as_in_numpy(kind):
    x = np.array([1, np.nan, -np.inf, np.inf, -np.inf, -np.inf, 0, 2], np.float32).reshape(1, 8, 1)
    op = kind((2,), (2,), "valid")
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(run_lowered(op, x, lanes=8)[0], op.forward(x))


def test_other_dtypes_are_left_to_numpy():
    assert not is_lowered(MaxPool((2,), (2,)), np.ones((1, 4, 1), np.float16))
