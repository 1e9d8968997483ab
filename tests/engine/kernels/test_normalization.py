"""Normalization by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, is_lowered, run_lowered

import tfcli.engine.kernels.normalization  # noqa: F401
from tfcli.engine.ops import nn

random = np.random.default_rng(11)

CASES = [
    ((5, 1), (1,)),
    ((5, 7), (1,)),
    ((3, 4, 33), (2,)),
    ((3, 5, 7), (1, 2)),
    ((9, 5), (0,)),
    ((2, 5, 6, 3), (0, 1, 2)),
    ((4, 9, 11, 35), (0, 1, 2)),
    ((3, 70, 19), (1,)),
    ((1, 200, 4), (0, 1)),
    ((11,), (0,)),
]


def normal(*shape: int) -> np.ndarray:
    return random.normal(1, 2, shape).astype(np.float32)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_normalization_agrees_with_numpy(shape, axes, lanes):
    assert_as_numpy(nn.Normalize(axes, 1e-3), normal(*shape), lanes=lanes, tolerance=3e-6)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_the_gradient_agrees_with_numpy(shape, axes, lanes):
    y, _, variance = nn.Normalize(axes, 1e-3).forward(normal(*shape))
    assert_as_numpy(nn.NormalizeGrad(axes, 1e-3), normal(*shape), y, variance, lanes=lanes, tolerance=3e-6)


@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_a_large_mean_does_not_hurt_the_variance(axes):
    x = 1000 + normal(300, 257)
    _, _, variance = run_lowered(nn.Normalize(axes, 1e-3), x, lanes=8)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=axes, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize("axes", [(0,), (1,)])
def test_nan_and_infinity_come_out_as_in_numpy(axes):
    x = normal(9, 11)
    x[2, 3], x[5, 6] = np.nan, np.inf
    assert_as_numpy(nn.Normalize(axes, 1e-3), x, lanes=8, tolerance=3e-6, scale=3.0)


def test_float64_agrees_with_numpy():
    assert_as_numpy(nn.Normalize((0,), 1e-3), normal(130, 7).astype(np.float64), lanes=8, tolerance=1e-13)


def test_groups_of_axes_apart_are_left_to_numpy():
    assert not is_lowered(nn.Normalize((1, 3), 1e-3), normal(2, 3, 4, 5))
