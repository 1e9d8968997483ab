"""Convolutions by transformed squares against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, run_lowered

import tfcli.engine.kernels.convolution  # noqa: F401
from tfcli.engine.kernels.target import Target
from tfcli.engine.kernels.winograd import Shapes
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad

SAME, VALID = Conv((1, 1), "same", (1, 1)), Conv((1, 1), "valid", (1, 1))


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape, dtype=np.float32)


def shapes(images: int, size: int, taken: int, made: int) -> Shapes:
    return Shapes(images, (size, size), (size, size), (1, 1), taken, made)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("x", "made", "op"),
    [
        ((9, 8, 8, 16), 16, SAME),
        ((9, 9, 10, 16), 48, SAME),
        ((5, 13, 11, 32), 16, VALID),
        ((3, 14, 13, 64), 80, SAME),
        ((40, 4, 4, 16), 32, SAME),
        ((8, 7, 9, 32), 32, Conv((1, 1), ((0, 2), (2, 0)), (1, 1))),
        ((6, 6, 12, 16), 32, Conv((1, 1), ((2, 3), (0, 4)), (1, 1))),
    ],
)
def test_convolutions_and_their_gradients_agree_with_numpy(x, made, op, lanes):
    source, kernel = normal(*x), normal(3, 3, x[-1], made)
    g = normal(*op.forward(source, kernel).shape)
    assert_as_numpy(op, source, kernel, lanes=lanes, tolerance=1e-5, scale=np.sqrt(9 * x[-1]))
    gradients = op.sibling(ConvInputGrad), op.sibling(ConvKernelGrad)
    assert_as_numpy(gradients[0], g, kernel, source, lanes=lanes, tolerance=1e-5, scale=np.sqrt(9 * made))
    assert_as_numpy(gradients[1], source, g, kernel, lanes=lanes, tolerance=1e-5, scale=np.sqrt(g[..., 0].size))


def test_rounding_errors_stay_near_those_of_float32():
    x, kernel = normal(16, 16, 16, 32), normal(3, 3, 32, 32)
    exact = SAME.forward(x.astype(np.float64), kernel.astype(np.float64))
    (got,) = run_lowered(SAME, x, kernel, lanes=8)
    assert np.sqrt(np.mean((got - exact) ** 2)) < 2e-6 * exact.std()


def test_an_image_gives_the_same_bytes_in_any_batch():
    x, kernel = normal(24, 16, 16, 16), normal(3, 3, 16, 16)
    (all_of_them,), (some,) = (run_lowered(SAME, part, kernel, lanes=8) for part in (x, x[13:18]))
    assert all_of_them[13:18].tobytes() == some.tobytes()


@pytest.mark.parametrize(
    ("wanted", "case"),
    [
        (True, shapes(64, 32, 16, 16)),
        (True, shapes(64, 8, 64, 64)),
        (True, shapes(8, 28, 128, 128)),
        (False, shapes(1, 8, 64, 64)),
        (False, shapes(64, 32, 8, 16)),
        (False, shapes(64, 32, 16, 20)),
        (False, shapes(64, 8, 512, 512)),
        (False, shapes(640, 2, 16, 16)),
    ],
)
def test_squares_are_transformed_where_that_pays(wanted, case):
    assert case.worthwhile(Target("test", "", 8, 16)) == wanted
