"""The sums of batch normalization by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy

import tfcli.engine.kernels.moments  # noqa: F401
from tfcli.engine.graph.moments import Moments, NormalizedSums

random = np.random.default_rng(11)
SHAPES = [(9, 5), (2, 5, 6, 3), (4, 9, 11, 35), (1, 200, 4), (64, 16), (65, 17)]


def normal(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return random.normal(1, 2, shape).astype(dtype)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("shape", SHAPES)
def test_moments_agree_with_numpy(shape, lanes):
    assert_as_numpy(Moments(), normal(*shape), lanes=lanes, tolerance=3e-6)


def test_moments_of_numbers_far_from_zero():
    assert_as_numpy(Moments(), normal(700, 20) + 1000, lanes=8, tolerance=2e-5)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("shape", SHAPES)
def test_normalized_sums_agree_with_numpy(shape, lanes):
    g, x, (mean, factor) = normal(*shape), normal(*shape), (normal(*(1,) * (len(shape) - 1), shape[-1]) for _ in "mf")
    scale = 4.0 * np.sqrt(g[..., 0].size) * np.abs(factor).max()
    assert_as_numpy(NormalizedSums(), g, x, mean, factor, lanes=lanes, tolerance=3e-6, scale=scale)


def test_in_float64():
    g, x, mean, factor = (normal(*shape, dtype=np.float64) for shape in ((70, 5), (70, 5), (1, 5), (1, 5)))
    assert_as_numpy(Moments(), x, lanes=8, tolerance=1e-12)
    assert_as_numpy(NormalizedSums(), g, x, mean, factor, lanes=8, tolerance=1e-12, scale=100.0)
