"""What a gradient tape watches, how often it gives gradients, and of what."""

import numpy as np

import tfcli as tf

w = tf.Variable([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], name="w")
b = tf.Variable(tf.zeros(2), name="b")
x = [[1.0, 2.0, 3.0]]
with tf.GradientTape(persistent=True) as tape:
    y = x @ w + b
    loss = tf.reduce_mean(y**2)
assert np.allclose(tape.gradient(loss, {"b": b})["b"], [2.2, 2.8])
assert [g.shape for g in tape.gradient(loss, [w, b])] == [(3, 2), (2,)]
assert len(tape.watched_variables()) == 2
frozen, plain = tf.Variable(3.0, trainable=False), tf.constant(3.0)
moving = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = frozen**2 + plain**2 + moving**3
assert [g is None for g in tape.gradient(y, [frozen, plain, moving])] == [True, True, False]
with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(plain)
    y = plain**2 * moving
assert [g is None for g in tape.gradient(y, [plain, moving])] == [False, True]
with tf.GradientTape() as tape:
    y = moving * 1.0
assert float(tape.gradient(y, frozen, unconnected_gradients=tf.UnconnectedGradients.ZERO)) == 0
try:
    tape.gradient(y, moving)
except RuntimeError:
    pass
except ValueError as error:
    assert "persistent" in str(error)
else:
    raise AssertionError("a tape that is not persistent gives gradients once")
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = moving**3
    first = inner.gradient(y, moving)
assert float(first) == 12 and float(outer.gradient(first, moving)) == 12
v = tf.Variable(3.0)
other = tf.Variable(0.0)
with tf.GradientTape() as tape:
    other.assign_add(v)
    y = other**2
assert tape.gradient(y, v) is None, "gradients stop at assignments"
inputs = tf.constant(np.arange(6.0).reshape(2, 3), tf.float32)
with tf.GradientTape(persistent=True) as tape:
    tape.watch(inputs)
    y = inputs**2
assert tape.jacobian(y, inputs).shape == (2, 3, 2, 3) and tape.batch_jacobian(y, inputs).shape == (2, 3, 3)


@tf.custom_gradient
def clipped(x):
    return x, lambda upstream: tf.clip_by_norm(upstream, 0.5)


with tf.GradientTape() as tape:
    y = clipped(v * v)
assert float(tape.gradient(y, v)) == 3
with tf.GradientTape() as tape:
    y = v * 2
    with tape.stop_recording():
        z = y * v
    y = y + z
assert float(tape.gradient(y, v)) == 2
print("tapes")
