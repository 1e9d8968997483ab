"""Surprises of reductions: ties, zeros, nothing to reduce, no overflow."""

import numpy as np
import pytest

from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops import reduce as R
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.errors import DtypeError, ShapeError


def gradient(function, value):
    x = constant(np.asarray(value, np.float64))
    with GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x).array.tolist()


@pytest.mark.parametrize("op", [R.reduce_max, R.reduce_min])
def test_ties_share_the_gradient(op):
    assert gradient(lambda x: op(x, axis=1), [[1.0, 1.0], [2.0, 2.0]]) == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(("x", "expected"), [([2.0, 0.0, 3.0], [0.0, 6.0, 0.0]), ([0.0, 0.0, 3.0], [0.0, 0.0, 0.0])])
def test_product_with_zeros(x, expected):
    assert gradient(R.reduce_prod, x) == expected


def test_product_over_several_axes():
    x = np.array([[1.5, 0.0], [2.0, -3.0]])
    check_gradients(R.reduce_prod, [x])
    assert float(R.reduce_prod(x)) == np.prod(x)


def test_extremes_of_nothing_are_the_ends_of_the_dtype():
    nothing = np.zeros((2, 0), np.float32)
    assert R.reduce_max(nothing, axis=1).array.tolist() == [-np.inf] * 2
    assert R.reduce_min(nothing.astype(np.int32), axis=1).array.tolist() == [np.iinfo(np.int32).max] * 2


def test_sum_of_nothing_is_0_and_mean_is_nan():
    assert float(R.reduce_sum(np.zeros(0))) == 0.0
    assert np.isnan(float(R.reduce_mean(np.zeros(0))))


def test_an_integer_sum_stays_int32():
    assert R.reduce_sum(constant([1, 2])).dtype == "int32"


def test_mean_refuses_integers():
    with pytest.raises(DtypeError, match=r"reduce_mean: expected a floating tensor, got int32\(2,\); tf.cast converts"):
        R.reduce_mean(constant([1, 2]))


def test_logsumexp_neither_overflows_nor_loses_minus_infinity():
    with np.errstate(all="raise", under="ignore"):
        assert float(R.reduce_logsumexp(np.array([1000.0, 1000.0]))) == pytest.approx(1000 + np.log(2))
    assert float(R.reduce_logsumexp(np.array([-np.inf, -np.inf]))) == -np.inf


@pytest.mark.parametrize("axis", [None, 0, -1, [0, 1], ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axes_are_numpys(axis, keepdims):
    x = np.random.default_rng(0).standard_normal((2, 3, 2))
    for ours, theirs in [
        (R.reduce_sum, np.sum),
        (R.reduce_mean, np.mean),
        (R.reduce_variance, np.var),
        (R.reduce_std, np.std),
    ]:
        expected = theirs(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
        np.testing.assert_allclose(ours(x, axis, keepdims).array, expected, atol=1e-12)


@pytest.mark.parametrize(("exclusive", "reverse"), [(False, False), (True, False), (False, True), (True, True)])
def test_running_sums_and_products(exclusive, reverse):
    x = np.array([2.0, 3.0, 0.0, 5.0])
    turned = x[::-1] if reverse else x
    for ours, theirs, start in [(R.cumsum, np.cumsum, 0.0), (R.cumprod, np.cumprod, 1.0)]:
        expected = np.array([start, *theirs(turned)[:-1]]) if exclusive else theirs(turned)
        result = ours(x, exclusive=exclusive, reverse=reverse)
        assert result.array.tolist() == (expected[::-1] if reverse else expected).tolist()
        check_gradients(lambda x, f=ours: f(x, exclusive=exclusive, reverse=reverse), [x])


def test_an_axis_that_does_not_exist():
    with pytest.raises(ShapeError, match="reduce_sum: axis 2 does not exist in a tensor of 2 axes"):
        R.reduce_sum(np.ones((2, 2)), axis=2)


def test_arguments_of_extremes():
    x = constant([[1.0, 3.0, 3.0], [5.0, 4.0, 4.0]])
    assert R.argmax(x).array.tolist() == [1, 1, 1]
    assert R.argmax(x, axis=-1).array.tolist() == [1, 0]
    assert R.argmin(x, axis=1, output_type="int32").dtype == "int32"
    with pytest.raises(ShapeError, match="argmax: axis 1 of"):
        R.argmax(np.zeros((2, 0)), axis=1)


def test_count_nonzero():
    assert int(R.count_nonzero([[0, 1], [2, 0]])) == 2
    assert R.count_nonzero(np.array([True, False]), keepdims=True).array.tolist() == [1]
