"""Surprises of the entry-by-entry ops: kinks, zeros, dtypes, broadcasting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops import elementary
from tfcli.engine.ops import elementwise as E
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.errors import DtypeError, ShapeError


def gradient(function, *values):
    tensors = [constant(np.asarray(v, np.float64)) for v in values]
    with GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors)
    return [None if g is None else g.array.tolist() for g in tape.gradient(y, tensors)]


def test_abs_has_derivative_0_at_0():
    assert gradient(E.abs_, 0.0) == [0.0]


def test_relu_has_derivative_0_at_0():
    assert gradient(E.relu, 0.0) == [0.0]


def test_maximum_gives_the_gradient_of_a_tie_to_the_first():
    assert gradient(E.maximum, 1.0, 1.0) == [1.0, 0.0]


def test_minimum_gives_the_gradient_of_a_tie_to_the_first():
    assert gradient(E.minimum, 1.0, 1.0) == [1.0, 0.0]


def test_clip_passes_the_gradient_inside_the_bounds_and_on_them():
    assert gradient(lambda x: E.clip_by_value(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0]) == [[0.0, 1.0, 1.0, 1.0, 0.0]]


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, 0.0), (1.0, 1.0), (2.0, 0.0), (3.0, 0.0)])
def test_pow_at_0(exponent, expected):
    assert gradient(lambda x: x**exponent, 0.0) == [expected]


def test_pow_at_0_has_all_derivatives():
    x = constant(np.float64(0.0))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as middle:
            middle.watch(x)
            with GradientTape() as inner:
                inner.watch(x)
                y = x**2
            first = inner.gradient(y, x)
        second = middle.gradient(first, x)
    assert (float(first), float(second), float(outer.gradient(second, x))) == (0.0, 2.0, 0.0)


def test_pow_is_constant_in_the_exponent_where_the_base_is_0_or_less():
    assert gradient(E.pow_, [0.0, -2.0], [2.0, 2.0])[1] == [0.0, 0.0]


def test_divide_no_nan_is_0_with_gradient_0_at_0():
    assert E.divide_no_nan(constant(3.0), 0.0).array == 0.0
    assert gradient(E.divide_no_nan, 3.0, 0.0) == [0.0, 0.0]


def test_integers_divide_to_float64():
    assert (constant([1, 2]) / 2).dtype == "float64"


@pytest.mark.parametrize("x", [-800.0, 0.0, 800.0])
def test_sigmoid_and_softplus_do_not_overflow(x):
    with np.errstate(all="raise", under="ignore"):
        assert float(elementary.sigmoid(constant(x))) == pytest.approx(0.5 + 0.5 * math.copysign(1, x) if x else 0.5)
        assert float(elementary.softplus(constant(x))) == pytest.approx(max(x, 0.0) if x else math.log(2))


def test_erf_is_that_of_the_standard_library():
    x = np.linspace(-6, 6, 241)
    np.testing.assert_allclose(elementary.erf(x).array, [math.erf(v) for v in x], rtol=1e-12, atol=1e-15)


def test_round_goes_to_the_even_integer():
    assert E.round_(constant([0.5, 1.5, 2.5])).array.tolist() == [0.0, 2.0, 2.0]


def test_stop_gradient_stops_it():
    assert gradient(lambda x: x * E.stop_gradient(x), 3.0) == [3.0]


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ShapeError, match=r"add: shapes \(2, 3\) and \(2, 2\) do not broadcast: 3 and 2 differ"):
        constant(np.ones((2, 3))) + constant(np.ones((2, 2)))


def test_dtypes_do_not_mix():
    with pytest.raises(DtypeError, match=r"multiply: x is float32\(\), y is float64\(\); .*tf.cast converts"):
        constant(1.0) * constant(np.float64(1.0))


def test_a_python_float_does_not_fit_beside_integers():
    with pytest.raises(DtypeError, match=r"add: 0.5 does not fit beside a int32 tensor"):
        constant(1) + 0.5


def test_a_python_integer_must_be_in_the_range_beside_it():
    assert (constant([1], "uint8") + 1).dtype == "uint8"
    with pytest.raises(DtypeError, match="300 does not fit beside a uint8 tensor"):
        constant([1], "uint8") + 300


def test_python_floats_keep_their_precision_beside_float64():
    assert float(constant(np.float64(1.0)) * 0.1) == 0.1


def test_booleans_are_not_numbers():
    with pytest.raises(DtypeError, match="add: True does not fit"):
        constant(1.0) + True


def test_floating_ops_refuse_integers():
    with pytest.raises(DtypeError, match="exp: expected a floating tensor, got int32"):
        elementary.exp(constant(1))


def test_where_refuses_a_condition_of_numbers():
    with pytest.raises(DtypeError, match="where: expected a bool condition"):
        E.where(constant(1), 1.0, 2.0)


@settings(max_examples=30, deadline=None)
@given(
    mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), st.sampled_from([E.add, E.multiply, E.divide])
)
def test_gradients_of_broadcast_inputs(shapes, op):
    random = np.random.default_rng(0)
    inputs = [random.uniform(0.5, 2.0, shape) for shape in shapes.input_shapes]
    assert op(*inputs).shape == shapes.result_shape
    check_gradients(op, inputs, order=1)
