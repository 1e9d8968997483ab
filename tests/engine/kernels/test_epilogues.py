"""Products whose kernels also do the entry-by-entry work that follows them."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.kernels.epilogues import WithEpilogue
from tfcli.engine.kernels.plan import NativePlan


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setenv("TFCLI_KERNELS", "always")


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype("f4")


def run(function, *arrays):
    """The function's results by kernels and op by op, and whether a product was joined with what follows."""
    compiled = tf.function(function)
    plan = compiled.get_concrete_function(*map(tf.constant, arrays)).plan
    assert isinstance(plan, NativePlan)
    joined = any(isinstance(step.node.op, WithEpilogue) for step in plan.steps)
    return compiled(*arrays), function(*map(tf.constant, arrays)), joined


def check(function, *arrays, joined=True):
    found, expected, was_joined = run(function, *arrays)
    assert was_joined == joined
    for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


SIZES = [(1, 1, 1), (5, 7, 3), (32, 20, 17), (33, 1500, 70), (130, 64, 65)]


@pytest.mark.parametrize(("m", "k", "n"), SIZES)
def test_a_bias_and_an_activation_follow_a_product(m, k, n):
    check(lambda a, b, bias: tf.nn.relu(tf.matmul(a, b) + bias), array(m, k), array(k, n), array(n), joined=n > 1)


def test_a_row_is_as_long_as_its_bias_and_what_is_subtracted():
    def function(a, b, bias, wanted):
        found = tf.matmul(a, b) + bias
        return found, tf.abs(found - wanted)

    check(function, array(1, 2), array(2, 3), array(3), array(1, 3))


@pytest.mark.parametrize(("m", "k", "n"), SIZES)
def test_a_single_op_follows_a_product(m, k, n):
    check(lambda a, b: tf.tanh(tf.matmul(a, b, transpose_a=True)), array(k, m), array(k, n), joined=n > 1)


def test_what_follows_a_single_column_is_computed_by_whole_vectors_of_its_own():
    check(lambda a, b, bias: tf.sigmoid(tf.matmul(a, b) + bias), array(9, 30), array(30, 1), array(1), joined=False)


def test_a_residual_is_added_and_two_results_are_kept():
    def function(a, b, residual):
        total = tf.matmul(a, b) * 0.5 + residual
        return total, tf.sigmoid(total)

    check(function, array(9, 30), array(30, 21), array(9, 21))


def test_truth_values_are_kept_beside():
    def function(a, b):
        product = tf.matmul(a, b)
        positive = product > 0.0
        return tf.where(positive, product, product * 0.1), positive

    check(function, array(9, 30), array(30, 21))


def test_a_bias_of_two_axes_follows_heads():
    check(lambda x, w, b: tf.einsum("btc,chd->bthd", x, w) + b, array(2, 5, 12), array(12, 3, 7), array(3, 7))


def test_a_bias_of_the_last_axis_is_the_same_for_all_heads():
    check(lambda x, w, b: tf.einsum("btc,chd->bthd", x, w) + b, array(2, 5, 12), array(12, 3, 7), array(7))


def test_biases_of_one_and_of_two_axes_follow_heads():
    def function(x, w, b, each):
        return tf.einsum("btc,chd->bthd", x, w) * b + each

    check(function, array(2, 5, 12), array(12, 3, 7), array(7), array(3, 7))


def test_a_convolution_takes_its_bias():
    def function(x, kernel, bias):
        return tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)

    check(function, array(2, 9, 8, 3), array(3, 3, 3, 10), array(10))


def test_a_strided_convolution_with_a_residual():
    def function(x, kernel, residual):
        return tf.nn.conv2d(x, kernel, 2, "SAME") * 2.0 + residual

    check(function, array(2, 9, 8, 3), array(3, 3, 3, 10), array(2, 5, 4, 10))


def test_a_product_that_others_read_is_written_as_it_is():
    def function(a, b):
        product = tf.matmul(a, b)
        return product, tf.nn.relu(product)

    check(function, array(9, 30), array(30, 21), joined=False)


def test_a_product_that_enters_twice_is_written_as_it_is():
    def function(a, b):
        product = tf.matmul(a, b)
        return product * product

    check(function, array(9, 30), array(30, 21), joined=False)


def test_an_input_along_the_rows_is_left_to_a_kernel_of_its_own():
    check(lambda a, b, s: tf.matmul(a, b) * s, array(9, 30), array(30, 21), array(9, 1), joined=False)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_bias_and_an_activation_follow_a_transposed_convolution(stride):
    def function(x, kernel, bias):
        size = 7 * stride
        return tf.nn.relu(tf.nn.conv2d_transpose(x, kernel, [2, size, size, 5], stride, "SAME") + bias)

    check(function, array(2, 7, 7, 6), array(3, 3, 5, 6), array(5))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_mask_of_an_activation_follows_the_gradient_of_a_convolution(stride):
    def function(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.relu(x * 2.0)
            total = tf.reduce_sum(tf.nn.conv2d(y, kernel, stride, "SAME") ** 2)
        return tape.gradient(total, x)

    check(function, array(2, 9, 9, 6), array(3, 3, 6, 12))


def test_groups_of_a_gradient_are_left_without_what_follows():
    from tfcli.engine.ops.conv import ConvInputGrad

    op = ConvInputGrad((1, 1), "same", (1, 1), 2)
    check(
        lambda g, kernel, x: tf.nn.relu(op(g, kernel, x)),
        array(2, 5, 5, 6),
        array(3, 3, 2, 6),
        array(2, 5, 5, 4),
        joined=False,
    )


@pytest.mark.parametrize(("size", "joined"), [(6, True), (7, False)])
def test_an_activation_s_gradient_follows_that_of_pooling_where_windows_cover_the_image(size, joined):
    def function(x, g):
        with tf.GradientTape() as tape:
            tape.watch(x)
            pooled = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID") * g
        return tape.gradient(pooled, x)

    check(function, array(3, size, size, 11), array(3, 3, 3, 11), joined=joined)
