"""TensorFlow 1: a graph of its own, scopes, variables, an optimizer, control dependencies, a saver."""

import os
import tempfile

import numpy as np

import tfcli as tf

tf1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default(), tf1.Session(graph=graph) as session:
    x = tf1.placeholder(tf.float32, [None, 1], name="x")
    y = tf1.placeholder(tf.float32, [None, 1], name="y")
    rate = tf1.placeholder(tf.float32, name="rate")
    with tf1.variable_scope("line"):
        w = tf1.get_variable("w", [1, 1], initializer=tf1.zeros_initializer())
        b = tf1.get_variable("b", [1], initializer=tf1.constant_initializer(0.5))
    with tf1.variable_scope("line", reuse=True):
        assert tf1.get_variable("w") is w
    predicted = tf.add(tf.matmul(x, w), b, name="predicted")
    loss = tf1.losses.mean_squared_error(y, predicted)
    step = tf1.train.get_or_create_global_step()
    train = tf1.train.AdamOptimizer(0.1).minimize(loss, global_step=step)
    gradients = tf.gradients(loss, [w, b])
    descent = tf1.train.GradientDescentOptimizer(rate)
    clipped = [(tf.clip_by_value(g, -1.0, 1.0), v) for g, v in descent.compute_gradients(loss)]
    descend = descent.apply_gradients(clipped)
    try:
        session.run(w)
    except tf.errors.FailedPreconditionError:
        pass
    else:
        raise AssertionError("a variable has no value before its initializer")
    session.run(tf1.global_variables_initializer())
    xs = np.linspace(0, 1, 20).reshape(-1, 1).astype("float32")
    feed = {x: xs, y: 3 * xs + 1}
    assert np.allclose(session.run(gradients, feed)[1], [-4.0])
    for _ in range(100):
        _, value = session.run([train, loss], feed)
    assert value < 0.05 and session.run(step) == 100
    session.run(descend, {**feed, rate: 0.1})
    count = tf.Variable(0, name="count", trainable=False)
    session.run(count.initializer)
    with tf.control_dependencies([tf1.assign_add(count, 1)]):
        after = tf.identity(predicted)
    session.run(after, {x: xs})
    session.run(predicted, {x: xs})
    assert session.run(count) == 1, "only what the fetch needs runs"
    assert session.run("predicted:0", {"x:0": [[0.0]]}).shape == (1, 1)
    saver = tf1.train.Saver()
    with tempfile.TemporaryDirectory() as directory:
        path = saver.save(session, os.path.join(directory, "model.ckpt"), global_step=step)
        assert path.endswith("model.ckpt-100") and tf1.train.latest_checkpoint(directory) == path
        before = session.run(w)
        session.run(w.assign([[100.0]]))
        saver.restore(session, path)
        assert np.allclose(session.run(w), before)
    total = tf.while_loop(lambda i, s: i < 5, lambda i, s: [i + 1, s + i], [tf.constant(0), tf.constant(0)])[1]
    assert session.run(total) == 10
    flag = tf1.placeholder_with_default(True, shape=[])
    chosen = tf.cond(flag, lambda: tf.constant(1.0), lambda: tf.constant(2.0))
    assert session.run(chosen) == 1 and session.run(chosen, {flag: False}) == 2
print("loss", value)
