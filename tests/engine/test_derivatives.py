"""Jacobians, forward mode and gradients that a function gives itself."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import TfcliError

X = np.array([[1.0, 2.0], [3.0, 4.0]])
W = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def jacobians(x):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.sin(tf.matmul(x, tf.constant(W)))
    return tape.jacobian(y, x), tape.batch_jacobian(y, x)


@pytest.mark.parametrize(
    "mode", [jacobians, tf.function(jacobians, input_signature=[tf.TensorSpec([None, 2], "float64")])]
)
def test_jacobians(mode):
    whole, batch = mode(tf.constant(X))
    expected = np.cos(X @ W)[:, :, None] * W.T
    np.testing.assert_allclose(batch, expected)
    np.testing.assert_allclose(np.einsum("bibj->bij", whole.numpy()), expected)
    assert whole.shape == (2, 3, 2, 2)


def test_hessian():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(x**3.0)
        first = inner.gradient(y, x)
    np.testing.assert_allclose(outer.jacobian(first, x), [[6.0, 0.0], [0.0, 12.0]])


def test_forward_over_forward():
    x = tf.constant(0.5)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as outer:
        with tf.autodiff.ForwardAccumulator(x, tf.constant(2.0)) as inner:
            y = tf.sin(x)
        first = inner.jvp(y)
    assert float(first) == pytest.approx(2 * np.cos(0.5), rel=1e-6)
    assert float(outer.jvp(first)) == pytest.approx(-2 * np.sin(0.5), rel=1e-6)
    assert outer.jvp(tf.constant(1.0)) is None


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.math.log(1.0 + e), lambda upstream: upstream * (1.0 - 1.0 / (1.0 + e))


def looped(x):
    return tf.while_loop(lambda i, a: i < 1, lambda i, a: (i + 1, log1pexp(a)), [tf.constant(0), x])[1]


@pytest.mark.parametrize("function", [log1pexp, tf.function(log1pexp), looped, tf.function(looped)])
def test_custom_gradients_work_twice(function):
    x = tf.constant(0.5)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
        first = inner.gradient(y, x)
    s = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose([float(first), float(outer.gradient(first, x))], [s, s * (1 - s)], rtol=1e-5)


def test_custom_gradients_of_variables():
    v = tf.Variable(3.0)

    @tf.custom_gradient
    def f(x):
        return x * v, lambda upstream, variables=None: (upstream * 100.0, [upstream * 10.0 for _ in variables])

    x = tf.constant(0.5)
    for function in (f, tf.function(f)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        assert [float(g) for g in tape.gradient(y, [x, v])] == [100.0, 10.0]
    without = tf.custom_gradient(lambda x: (x * v, lambda upstream: upstream))
    with pytest.raises(TfcliError, match="must take `variables=None`"):
        without(x)
