"""Branches and loops: eager and traced alike, with gradients to order 2, variables and random numbers."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import DtypeError, ShapeError, TfcliError

w = tf.Variable(2.0)


def looped(x):
    return tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * x * w + tf.sin(a)), [tf.constant(0), x])[1]


def branched(x):
    return tf.cond(x > 1.0, lambda: x * x * w, lambda: tf.sin(x))


def scanned(x):
    return tf.reduce_sum(tf.scan(lambda a, e: a * e + x, tf.constant([1.0, 2.0, 3.0])) * x)


def mapped(x):
    return tf.reduce_sum(tf.map_fn(lambda e: e * e * x, tf.stack([x, 2.0 * x])))


def folded(x):
    return tf.foldr(lambda a, e: a * 2.0 + e * x, tf.constant([1.0, 2.0, 3.0]))


def nested(x):
    def step(i, a):
        return i + 1, tf.cond(a > 1.0, lambda: looped(a) * 0.01, lambda: a * x)

    return tf.while_loop(lambda i, a: i < 2, step, [tf.constant(0), x])[1]


def derivatives(function, x):
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = function(x)
        first = inner.gradient(y, x)
    return y, first, outer.gradient(first, x)


@pytest.mark.parametrize("function", [looped, branched, scanned, mapped, folded, nested])
def test_values_and_derivatives_are_the_same_eagerly_traced_and_through_a_call(function):
    x = tf.constant(1.3)
    eager = derivatives(function, x)
    for other in (tf.function(lambda x: derivatives(function, x))(x), derivatives(tf.function(function), x)):
        for a, b in zip(eager, other, strict=True):
            np.testing.assert_allclose(np.zeros(()) if a is None else a, np.zeros(()) if b is None else b, rtol=1e-5)


def test_a_body_assigns_variables_in_every_step():
    count = tf.Variable(0, trainable=False)

    @tf.function
    def run(n):
        def body(i):
            count.assign_add(1)
            return tf.cond(i % 2 == 0, lambda: (count.assign_add(10), i + 1)[1], lambda: i + 1)

        return tf.while_loop(lambda i: i < n, body, [tf.constant(0)])[0]

    assert (int(run(tf.constant(5))), int(count)) == (5, 35)


def test_a_body_draws_anew_in_every_step():
    draw = tf.function(lambda x: tf.map_fn(lambda _: tf.random.normal([]), x))
    numbers = [*draw(tf.zeros([3])).numpy(), *draw(tf.zeros([3])).numpy()]
    assert len(set(numbers)) == 6


def test_maximum_iterations_end_a_loop():
    run = tf.function(lambda: tf.while_loop(lambda i: tf.constant(True), lambda i: i + 1, [0], maximum_iterations=4)[0])
    assert int(run()) == 4


def test_shape_invariants_let_a_loop_variable_grow():
    def run(x, **options):
        return tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, tf.concat([a, a], 0)), [0, x], **options)[1]

    x = tf.constant([1.0])
    grown = tf.function(lambda x: run(x, shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])]))
    assert grown(x).shape == (4,)
    with pytest.raises(ShapeError, match=r"loop variable 2 has the shape \(1,\), and \(2,\) after a step"):
        tf.function(run)(x)


@pytest.mark.parametrize("index", [-3, 0, 1, 2, 7])
def test_switch_case_takes_the_default_outside_of_its_numbers(index):
    def choose(i):
        return tf.switch_case(
            i, {0: lambda: tf.constant(0), 1: lambda: tf.constant(1)}, default=lambda: tf.constant(-1)
        )

    expected = index if index in (0, 1) else -1
    assert int(choose(tf.constant(index))) == int(tf.function(choose)(tf.constant(index))) == expected


def test_branches_must_agree():
    x = tf.constant(1.0)
    with pytest.raises(TfcliError, match="all branches must return one structure"):
        tf.function(lambda x: tf.cond(x > 0, lambda: x, lambda: [x, x]))(x)
    with pytest.raises(DtypeError, match="all branches must return one dtype"):
        tf.function(lambda x: tf.cond(x > 0, lambda: x, lambda: tf.constant(1)))(x)


def test_python_statements_on_traced_tensors_name_the_line_and_the_function_to_use():
    def decide(x):
        if x > 0:
            return x
        return -x

    def walk(x):
        return list(x)

    def hold(x):
        assert x > 0

    for python, message in [(decide, "write tf.cond"), (walk, "tf.map_fn"), (hold, "tf.debugging")]:
        with pytest.raises(TfcliError, match=rf"test_control_flow.py:\d+.*{message}"):
            tf.function(python)(tf.constant([1.0]) if python is walk else tf.constant(1.0))
