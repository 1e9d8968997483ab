"""Convolutions and their gradients by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import LANES, assert_as_numpy, is_lowered, run_lowered

import tfcli.engine.kernels.convolution  # noqa: F401
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad, ConvTranspose


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def assert_convolves(op: Conv, x: np.ndarray, kernel: np.ndarray, lanes: int, tolerance: float = 2e-6) -> None:
    """The convolution and both its gradients agree with numpy."""
    y = op.forward(x, kernel)
    g = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    shared = {"lanes": lanes, "tolerance": tolerance}
    assert_as_numpy(op, x, kernel, **shared, scale=np.sqrt(kernel[..., 0].size) + 1)
    assert_as_numpy(op.sibling(ConvInputGrad), g, kernel, x, **shared, scale=np.sqrt(kernel[..., 0, :].size) + 1)
    assert_as_numpy(op.sibling(ConvKernelGrad), x, g, kernel, **shared, scale=np.sqrt(g[..., 0].size) + 1)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("x", "kernel", "op"),
    [
        ((2, 9, 9, 1), (3, 3, 1, 33), Conv((1, 1), "valid", (1, 1))),
        ((2, 7, 6, 16), (3, 3, 16, 16), Conv((1, 1), "same", (1, 1))),
        ((2, 8, 9, 5), (3, 3, 5, 17), Conv((2, 2), "same", (1, 1))),
        ((2, 8, 8, 16), (1, 1, 16, 32), Conv((2, 2), "same", (1, 1))),
        ((3, 5, 5, 7), (1, 1, 7, 9), Conv((1, 1), "valid", (1, 1))),
        ((2, 11, 12, 3), (5, 4, 3, 10), Conv((3, 2), "valid", (2, 2))),
        ((2, 9, 8, 6), (3, 2, 3, 8), Conv((1, 2), "same", (1, 3), 2)),
        ((2, 9, 8, 19), (3, 3, 1, 19), Conv((1, 1), "same", (1, 1), 19)),
        ((2, 9, 8, 5), (3, 2, 1, 15), Conv((2, 1), "same", (1, 1), 5)),
        ((2, 9, 8, 5), (3, 2, 1, 5), Conv((2, 1), ((0, 2), (3, 1)), (1, 2), 5)),
        ((3, 20, 6), (4, 6, 11), Conv((1,), "causal", (3,))),
        ((2, 5, 4, 6, 3), (2, 3, 2, 3, 9), Conv((2, 1, 2), "same", (1, 1, 1))),
        ((40, 4, 4, 2), (3, 3, 2, 4), Conv((1, 1), "same", (1, 1))),
        ((0, 5, 5, 2), (3, 3, 2, 4), Conv((1, 1), "same", (1, 1))),
        ((1, 7, 6, 5), (3, 2, 5, 1), Conv((1, 2), ((2, 5), (2, 4)), (2, 3))),
        ((2, 3, 9, 4), (5, 3, 4, 8), Conv((2, 1), ((4, 6), (1, 1)), (1, 1))),
        ((3, 17, 1, 4), (3, 1, 4, 8), Conv((1, 1), "same", (1, 1))),
    ],
)
def test_convolutions_agree_with_numpy(x, kernel, op, lanes):
    assert_convolves(op, normal(*x), normal(*kernel), lanes)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_convolution_agrees_with_numpy(data):
    rank = data.draw(st.integers(1, 3))
    taps, strides, dilations = (tuple(data.draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(3))
    reach = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    padding = data.draw(st.sampled_from(["valid", "same", "causal", tuple((r // 2, r) for r in reach)]))
    groups, taken, made = (data.draw(st.sampled_from(sizes)) for sizes in ([1, 1, 2, 3], [1, 2, 5], [1, 3, 9, 17]))
    sizes = tuple(data.draw(st.integers(r, r + 5)) for r in reach)
    x = normal(data.draw(st.integers(0, 3)), *sizes, taken * groups)
    op = Conv(strides, padding, dilations, groups)
    assert_convolves(op, x, normal(*taps, taken, made * groups), data.draw(st.sampled_from(LANES)))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    "op",
    [
        ConvTranspose((2, 2), "same", (1, 1)),
        ConvTranspose((2, 1), "valid", (1, 2)),
        ConvTranspose((3, 2), "same", (1, 1), (1, 0)),
    ],
)
def test_transposed_convolutions_agree_with_numpy(op, lanes):
    assert_as_numpy(op, normal(2, 5, 4, 6), normal(3, 3, 9, 6), lanes=lanes, scale=8)


def test_float64_is_convolved():
    random = np.random.default_rng(2)
    op, x, kernel = Conv((1, 2), "same", (1, 1)), (2, 6, 7, 3), (3, 3, 3, 5)
    assert_convolves(op, random.standard_normal(x), random.standard_normal(kernel), 8, tolerance=1e-14)


def test_nan_and_infinity_spread_as_in_numpy():
    x, kernel = normal(1, 6, 6, 2), normal(3, 3, 2, 9)
    x[0, 2, 2, 0], x[0, 5, 5, 1] = np.nan, np.inf
    op = Conv((1, 1), "same", (1, 1))
    np.testing.assert_allclose(run_lowered(op, x, kernel, lanes=8)[0], op.forward(x, kernel), rtol=1e-5, atol=1e-5)


def test_other_dtypes_are_left_to_numpy():
    half = np.ones((1, 1, 1), np.float16)
    assert not is_lowered(Conv((1,), "valid", (1,)), half, half)
