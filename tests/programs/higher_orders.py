"""Derivatives of derivatives, through traced functions, loops, branches and functions with gradients of their own."""

import numpy as np

import tfcli as tf

x = tf.constant([0.5, 1.5])


@tf.function
def wave(x):
    return tf.reduce_sum(tf.sin(x) * x**2)


with tf.GradientTape() as second:
    second.watch(x)
    with tf.GradientTape() as first:
        first.watch(x)
        y = wave(x)
    slope = first.gradient(y, x)
curve = second.gradient(slope, x)
a = x.numpy()
assert np.allclose(slope, np.cos(a) * a**2 + 2 * a * np.sin(a), atol=1e-5)
assert np.allclose(curve, -np.sin(a) * a**2 + 4 * a * np.cos(a) + 2 * np.sin(a), atol=1e-5)
with tf.GradientTape() as tape:
    tape.watch(x)
    with tf.GradientTape() as inner:
        inner.watch(x)
        y = wave(x)
    slope = inner.gradient(y, x)
hessian = tape.jacobian(slope, x).numpy()
assert np.allclose(np.diag(hessian), curve, atol=1e-4) and np.allclose(hessian[0, 1], 0)
with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as forward:
    y = wave(x)
assert np.isclose(forward.jvp(y), slope[0], atol=1e-5)


@tf.function
def power(x, n):
    return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x), (tf.constant(0), tf.ones_like(x)))[1]


with tf.GradientTape(persistent=True) as tape:
    tape.watch(x)
    y = power(x, tf.constant(4))
assert np.allclose(tape.gradient(y, x), 4 * a**3, rtol=1e-5)
assert np.allclose(tape.gradient(y, x), 4 * a**3, rtol=1e-5), "as often as one asks a persistent tape"
branch = tf.function(lambda x: tf.cond(tf.reduce_sum(x) > 1, lambda: x**2, lambda: -x))
for value, expected in (([1.0, 2.0], [2, 4]), ([0.1, 0.2], [-1, -1])):
    value = tf.constant(value)
    with tf.GradientTape() as tape:
        tape.watch(value)
        y = branch(value)
    assert np.allclose(tape.gradient(y, value), expected)


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))


large = tf.constant(100.0)
with tf.GradientTape() as tape:
    tape.watch(large)
    y = tf.function(log1pexp)(large)
assert float(tape.gradient(y, large)) == 1
print("higher orders")
