"""Graphs that are built first and run in sessions."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import ShapeError, TfcliError

tf1 = tf.compat.v1


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def test_only_what_a_fetch_needs_runs_and_any_tensor_may_be_fed():
    x = tf1.placeholder(tf.float32, [None], name="x")
    y = tf.identity(x * 2.0, name="y")
    z = y + 1.0
    session = tf1.Session()
    assert session.run({"z": z, "y": [y]}, {x: [1.0]})["z"].tolist() == [3.0]
    assert session.run(z, {y: [10.0]}).tolist() == [11.0]
    assert session.run("y:0", {"x:0": [4.0]}).tolist() == [8.0]
    with pytest.raises(TfcliError, match="placeholder x was not fed"):
        session.run(z)
    with pytest.raises(ShapeError, match=r"x:0 has the shape \(None,\), and was fed \(1, 1\)"):
        session.run(z, {x: [[1.0]]})


def test_variables_have_no_value_before_their_initializer_has_run():
    v = tf.Variable(tf.random.normal([2]), name="weights")
    with tf1.Session() as session:
        with pytest.raises(TfcliError, match="'weights' has no value yet"):
            session.run(v + 1.0)
        session.run(tf1.global_variables_initializer())
        first = session.run(v)
        tf1.assign_add(v, [1.0, 1.0]).eval()
        np.testing.assert_allclose(session.run(v), first + 1.0)


def test_control_dependencies_run_first():
    v = tf.Variable(1.0)
    add = tf1.assign_add(v, 1.0)
    with tf.control_dependencies([add]):
        read = tf.identity(v.read_value())
    with tf1.Session() as session:
        tf1.global_variables_initializer().run()
        assert session.run(read) == 2.0


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (lambda: tf1.train.GradientDescentOptimizer(0.1), 0.8),
        (lambda: tf1.train.MomentumOptimizer(0.1, 0.9), 0.8),
        (lambda: tf1.train.AdamOptimizer(0.1), 0.9),
        (lambda: tf1.train.AdagradOptimizer(0.1), 1.0 - 0.2 / np.sqrt(4.1)),
        (lambda: tf1.train.RMSPropOptimizer(0.1), 1.0 - 0.2 / np.sqrt(1.3)),
    ],
)
def test_minimize_takes_a_step(optimizer, expected):
    v, steps = tf.Variable(1.0), tf.Variable(0, trainable=False)
    train = optimizer().minimize(v * v, global_step=steps)
    with tf1.Session() as session:
        session.run(tf1.global_variables_initializer())
        assert session.run(train) is None
        assert session.run(v) == pytest.approx(expected, rel=1e-5)
        assert session.run(steps) == 1


def test_gradients_of_a_graph():
    x, v = tf1.placeholder(tf.float32, []), tf.Variable(3.0)
    y = x * x * v
    dx, dv, none = tf1.gradients(y, [x, v, tf1.placeholder(tf.float32, [])])
    with tf1.Session() as session:
        session.run(tf1.global_variables_initializer())
        assert session.run([dx, dv], {x: 2.0}) == [12.0, 4.0]
    assert none is None


def test_get_variable_shares_by_name():
    with tf1.variable_scope("layer"):
        a = tf1.get_variable("w", [2, 3])
        with pytest.raises(TfcliError, match="'layer/w' exists"):
            tf1.get_variable("w", [2, 3])
    with tf1.variable_scope("layer", reuse=True):
        assert tf1.get_variable("w", [2, 3]) is a


def test_a_placeholder_without_a_shape_is_one_number_and_defaults_serve():
    rate = tf1.placeholder(tf.float32)
    assert tf1.Session().run(rate * 2.0, {rate: 0.5}) == 1.0
    with pytest.raises(ShapeError, match="a placeholder's shape has None for sizes that change"):
        tf1.Session().run(rate, {rate: [1.0]})
    x = tf1.placeholder_with_default(tf.constant([1.0]), [None])
    session = tf1.Session()
    assert session.run(x).tolist() == [1.0]
    assert session.run(x, {x: [1.0, 2.0]}).tolist() == [1.0, 2.0]


def test_control_flow_runs_in_a_session():
    n = tf1.placeholder(tf.int32, [])
    total = tf.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + i), [tf.constant(0), tf.constant(0)])[1]
    assert tf1.Session().run(total, {n: 5}) == 10
