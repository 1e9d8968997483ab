"""Gradients of looked-up rows: kept as rows, with the result of dense ones."""

import numpy as np
import pytest

import tfcli as tf

OPTIMIZERS = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop", "Ftrl", "Adadelta", "Nadam", "Lion", "Adamax"]
IDS = np.array([[1, 4], [4, 0]])


def rows_gradient(table):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(tf.gather(table, IDS)) * [[[1.0], [2.0]], [[3.0], [4.0]]])
    return tape.gradient(loss, table)


def table(rows=6):
    return tf.Variable(np.random.default_rng(0).standard_normal((rows, 3)).astype("f4"))


def test_the_gradient_holds_the_rows_that_were_looked_up():
    gradient = rows_gradient(table())
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, [1, 4, 4, 0])
    assert gradient.values.shape == (4, 3)
    np.testing.assert_array_equal(gradient.dense_shape, [6, 3])


def test_it_stands_for_the_dense_gradient():
    variable = table()
    expected = np.zeros((6, 3), "f4")
    np.add.at(expected, IDS.ravel(), 2 * variable.numpy()[IDS.ravel()] * np.float32([[1], [2], [3], [4]]))
    np.testing.assert_allclose(rows_gradient(variable) * 1.0, expected, rtol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_makes_of_it_what_it_makes_of_the_dense_one(name):
    variables = [table(), table()]
    optimizers = [getattr(tf.keras.optimizers, name)(learning_rate=0.1) for _ in variables]
    for _ in range(3):
        gradients = [rows_gradient(v) for v in variables]
        gradients[1] = tf.convert_to_tensor(gradients[1])
        for optimizer, gradient, variable in zip(optimizers, gradients, variables, strict=True):
            optimizer.apply_gradients([(gradient, variable)])
    np.testing.assert_allclose(variables[0], variables[1], rtol=1e-5, atol=1e-6)


def test_a_traced_function_returns_the_dense_gradient():
    variable = table()
    traced = tf.function(lambda: rows_gradient(variable))()
    np.testing.assert_allclose(traced, tf.convert_to_tensor(rows_gradient(variable)), rtol=1e-6)


def test_a_traced_step_writes_rows_alone_in_a_large_table():
    variable, eager = table(30_000), table(30_000)
    optimizer, other = tf.keras.optimizers.SGD(0.1), tf.keras.optimizers.SGD(0.1)
    step = tf.function(lambda: optimizer.apply_gradients([(rows_gradient(variable), variable)]))
    step()
    other.apply_gradients([(rows_gradient(eager), eager)])
    np.testing.assert_allclose(variable, eager, rtol=1e-6)
    assert any(node.op.name == "assign_rows" for node in step.get_concrete_function().graph.nodes)
