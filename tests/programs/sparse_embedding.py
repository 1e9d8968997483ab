"""The gradient of looked-up rows stays rows, and an optimizer takes it with the result of the whole one."""

import numpy as np

import tfcli as tf

ids = tf.constant([1, 5, 1])
for make in (tf.optimizers.SGD, tf.optimizers.Adagrad, tf.optimizers.Adam, tf.optimizers.RMSprop, tf.optimizers.Ftrl):
    start = np.random.default_rng(0).normal(size=(2000, 64)).astype("float32")
    rows, whole = tf.Variable(start), tf.Variable(start)
    by_rows, by_whole = make(learning_rate=0.1), make(learning_rate=0.1)
    for step in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.nn.embedding_lookup(rows, ids) ** 2)
        gradient = tape.gradient(loss, rows)
        assert isinstance(gradient, tf.IndexedSlices) and gradient.values.shape == (3, 64)
        assert gradient.indices.numpy().tolist() == [1, 5, 1] and tuple(gradient.dense_shape.numpy()) == (2000, 64)
        before = rows.numpy()
        by_rows.apply_gradients([(gradient, rows)])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(whole, ids) ** 2)
        by_whole.apply_gradients([(tf.convert_to_tensor(tape.gradient(loss, whole)), whole)])
    if make in (tf.optimizers.SGD, tf.optimizers.Adagrad):
        assert np.allclose(rows, whole, atol=1e-6)
        assert np.array_equal(np.delete(rows.numpy(), [1, 5], 0), np.delete(start, [1, 5], 0))
    assert not np.array_equal(rows.numpy()[1], before[1])
print("sparse gradients")
