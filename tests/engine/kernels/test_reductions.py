"""Reductions by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, is_lowered, run_lowered

import tfcli.engine.kernels.reductions  # noqa: F401
from tfcli.engine.ops import reduce as r
from tfcli.engine.ops.shape import SumTo
from tfcli.engine.spec import Shape, as_dtype

random = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return random.normal(0.3, 1, shape).astype(np.float32)


CASES = [
    ((7,), (0,)),
    ((1,), (0,)),
    ((5, 17), (1,)),
    ((5, 17), (0,)),
    ((33, 3), (0,)),
    ((5, 17), (0, 1)),
    ((3, 4, 5), (1,)),
    ((3, 4, 5), (0, 2)),
    ((2, 3, 4, 5), (1, 3)),
    ((2, 9, 9, 67), (1, 2)),
    ((300, 70), (0,)),
    ((2, 9000), (1,)),
    ((70_001,), (0,)),
    ((20_000, 3), (0,)),
    ((4, 5), ()),
    ((3, 9001), (0,)),
    ((2, 130, 700), (1,)),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("how", [r.ReduceSum, r.ReduceMean, r.ReduceMax, r.ReduceMin])
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_reductions_agree_with_numpy(how, shape, axes, lanes):
    assert_as_numpy(how(axes), normal(*shape), lanes=lanes, tolerance=2e-6)


@pytest.mark.parametrize("lanes", LANES)
def test_kept_axes_have_size_one(lanes):
    assert_as_numpy(r.ReduceSum((1,), True), normal(3, 19, 2), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("axis", [0, 1])
def test_products_agree_with_numpy(axis, lanes):
    assert_as_numpy(r.ReduceProd((axis,)), 1 + normal(13, 21) / 9, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("shape", "to"), [((5, 7), (7,)), ((5, 7), (5, 1)), ((4, 3, 6), (3, 1)), ((9, 2, 31), (1, 2, 31)), ((6,), ())]
)
def test_sums_over_broadcast_axes_agree_with_numpy(shape, to, lanes):
    assert_as_numpy(SumTo(Shape(to)), normal(*shape), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("how", [r.ReduceMax, r.ReduceMin, r.ReduceSum, r.ReduceMean])
@pytest.mark.parametrize("axis", [0, 1])
def test_nan_and_infinity_come_out_as_in_numpy(how, axis, lanes):
    x = normal(21, 23)
    x[3, 4], x[5, 6], x[7, 8], x[7, 9] = np.nan, np.inf, -np.inf, np.inf
    assert_as_numpy(how((axis,)), x, lanes=lanes)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("how", [r.ReduceMax, r.ReduceMin, r.ReduceSum])
@pytest.mark.parametrize("axis", [0, 1])
def test_integers_are_exact(how, axis, dtype):
    assert_as_numpy(how((axis,)), random.integers(-99, 99, (19, 35)).astype(dtype), lanes=8)


@pytest.mark.parametrize("how", [r.ReduceAny, r.ReduceAll])
@pytest.mark.parametrize("axis", [0, 1])
def test_truth_values_are_exact(how, axis):
    x = random.integers(0, 9, (19, 35)) > (0 if how is r.ReduceAll else 7)
    assert_as_numpy(how((axis,)), x, lanes=8)


def test_float64_agrees_with_numpy():
    assert_as_numpy(r.ReduceMean((0,)), normal(400, 9).astype(np.float64), lanes=8, tolerance=1e-14)


def test_long_sums_round_as_little_as_numpy():
    x = random.uniform(0, 1, 1_000_003).astype(np.float32)
    (total,) = run_lowered(r.ReduceSum((0,)), x, lanes=8)
    exact = x.astype(np.float64).sum()
    assert abs(total - exact) <= 2 * max(abs(np.sum(x) - exact), exact * 2**-24)


def test_reductions_of_nothing_are_left_to_numpy():
    assert not is_lowered(r.ReduceSum((0,)), normal(0, 3))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("how", [r.Argmax, r.Argmin])
@pytest.mark.parametrize("width", [1, 3, 8, 10, 33])
def test_the_place_of_the_extreme_is_the_first(how, width, lanes):
    x = random.integers(0, 5, (17, width)).astype(np.float32)
    x[3, width // 2], x[5, 0] = np.nan, -np.inf
    for dtype in ("int64", "int32"):
        assert_as_numpy(how(1, as_dtype(dtype)), x, lanes=lanes)


def test_a_row_without_finite_entries_has_a_place():
    x = np.full((2, 9), -np.inf, np.float32)
    assert_as_numpy(r.Argmax(1, as_dtype("int64")), x, lanes=4)
