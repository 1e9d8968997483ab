"""A tensor array written in a loop whose length is a tensor, eagerly and traced, and differentiated."""

import numpy as np

import tfcli as tf


def squares(n, scale):
    array = tf.TensorArray(tf.float32, size=n)
    _, array = tf.while_loop(
        lambda i, _: i < n,
        lambda i, a: (i + 1, a.write(i, scale * tf.cast(i, tf.float32) ** 2)),
        [tf.constant(0), array],
    )
    return array.stack()


compiled = tf.function(squares)
for function in (squares, compiled):
    assert function(tf.constant(5), tf.constant(2.0)).numpy().tolist() == [0, 2, 8, 18, 32]
assert compiled(tf.constant(3), tf.constant(1.0)).shape == (3,)


@tf.function
def recurrence(x):
    steps = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    state = tf.zeros([2])
    for t in range(3):
        state = tf.tanh(state + x[t])
        steps = steps.write(t, state)
    return steps.stack(), steps.read(1), steps.size()


stacked, second, size = recurrence(tf.ones([3, 2]))
assert stacked.shape == (3, 2) and np.allclose(second, np.tanh(np.tanh(1) + 1)) and int(size) == 3


@tf.function
def derivative(scale):
    with tf.GradientTape() as tape:
        tape.watch(scale)
        total = tf.reduce_sum(squares(tf.constant(4), scale))
    return tape.gradient(total, scale)


assert float(derivative(tf.constant(3.0))) == 14
parts = tf.TensorArray(tf.int32, size=2).unstack([[1, 2], [3, 4]])
assert parts.concat().numpy().tolist() == [1, 2, 3, 4] and parts.gather([1]).numpy().tolist() == [[3, 4]]
print("tensor arrays")
