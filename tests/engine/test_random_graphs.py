"""Random graphs of ops: every way of execution gives the same values and gradients."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tfcli as tf

COUNT = int(os.environ.get("TFCLI_RANDOM_GRAPHS", "200"))

UNARY = [
    tf.tanh,
    tf.sin,
    tf.sigmoid,
    tf.square,
    tf.negative,
    tf.abs,
    lambda x: tf.exp(x * 0.1),
    lambda x: x / 2.0 + 1.0,
]
BINARY = [tf.add, tf.subtract, tf.multiply, tf.maximum, lambda x, y: tf.where(x > y, x, y * 0.5)]
SQUARE = [
    tf.matmul,
    lambda x, y: tf.matmul(x, y, transpose_b=True),
    lambda x, y: tf.concat([x[:1], y[1:]], axis=0),
    lambda x, y: tf.stack([x, y])[1],
]
SHAPED = [
    tf.transpose,
    lambda x: tf.reshape(x, [-1])[::-1],
    lambda x: tf.reduce_sum(x, axis=0, keepdims=True) + x,
    lambda x: x - tf.reduce_mean(x),
    lambda x: tf.gather(x, [0, 0, 1]),
    lambda x: tf.nn.softmax(x),
    lambda x: tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: -x),
]


def eager(function):
    return function


MODES = {"traced": tf.function}
"""Ways of executing a function of two tensors, each to give what the eager one gives."""

programs = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=10)


def run(program, inputs):
    """Each step applies the chosen op to values so far; square operands come back to 3 by 3 by taking the inputs."""
    values = list(inputs)
    for kind, a, b in program:
        x, y = values[a % len(values)], values[b % len(values)]
        ops = [*UNARY, *BINARY, *SQUARE, *SHAPED]
        op = ops[kind % len(ops)]
        if op in UNARY:
            values.append(op(x))
        elif op in BINARY:
            values.append(op(x, y) if x.shape == y.shape else op(x, tf.reduce_mean(y)))
        elif op in SQUARE:
            square = [v if v.shape == (3, 3) else tf.zeros([3, 3], "float64") + tf.reduce_mean(v) for v in (x, y)]
            values.append(op(*square))
        else:
            values.append(op(x if x.shape == (3, 3) else tf.zeros([3, 3], "float64") + tf.reduce_mean(x)))
    return values[-1]


def values_and_gradients(program):
    def function(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = run(program, inputs)
        return result, *tape.gradient(result, inputs, unconnected_gradients="zero")

    return function


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=COUNT, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs, seed=st.integers(0, 2**16))
def test_execution_modes_agree(mode, program, seed):
    random = np.random.default_rng(seed)
    inputs = [tf.constant(random.standard_normal((3, 3))) for _ in range(2)]
    function = values_and_gradients(program)
    for a, b in zip(eager(function)(*inputs), MODES[mode](function)(*inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
