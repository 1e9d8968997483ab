"""A traced function whose sizes are only known when it runs: everything that takes a shape takes a tensor."""

import numpy as np

import tfcli as tf


@tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
def shapes(x):
    rows, columns = tf.shape(x)[0], tf.shape(x)[1]
    return {
        "zeros": tf.zeros(tf.shape(x)),
        "mixed": tf.ones([rows, 3]),
        "flat": tf.reshape(x, [-1]),
        "turned": tf.reshape(x, [columns, rows]),
        "rows": tf.reshape(tf.tile(x, [1, 2]), [rows, -1]),
        "filled": tf.fill([rows, 2], 7.0),
        "range": tf.range(columns),
        "eye": tf.eye(rows),
        "one_hot": tf.one_hot(tf.range(rows), columns),
        "broadcast": tf.broadcast_to(tf.reduce_mean(x), [rows, 4]),
        "padded": tf.pad(x, [[0, 1], [0, rows]]),
        "head": x[: rows - 1],
        "last": x[rows - 1],
        "noise": tf.random.normal([rows, columns]),
        "grid": tf.linspace(0.0, 1.0, rows),
        "mask": tf.sequence_mask(tf.range(rows), columns),
        "twice": tf.repeat(x, 2, axis=0),
        "scattered": tf.scatter_nd([[0]], [1.0], [columns]),
    }


for size in [(2, 3), (4, 2)]:
    x = np.arange(np.prod(size), dtype=np.float32).reshape(size)
    found = {name: value.numpy() for name, value in shapes(tf.constant(x)).items()}
    rows, columns = size
    expected = {
        "zeros": np.zeros(size),
        "mixed": np.ones((rows, 3)),
        "flat": x.ravel(),
        "turned": x.reshape(columns, rows),
        "rows": np.tile(x, (1, 2)),
        "filled": np.full((rows, 2), 7),
        "range": np.arange(columns),
        "eye": np.eye(rows),
        "one_hot": np.eye(rows, columns),
        "broadcast": np.full((rows, 4), x.mean()),
        "padded": np.pad(x, [(0, 1), (0, rows)]),
        "head": x[:-1],
        "last": x[-1],
        "grid": np.linspace(0, 1, rows),
        "mask": np.arange(columns) < np.arange(rows)[:, None],
        "twice": np.repeat(x, 2, 0),
        "scattered": np.eye(1, columns)[0],
    }
    assert found.pop("noise").shape == size
    for name, value in expected.items():
        assert np.allclose(found[name], value), name
    assert shapes.experimental_get_tracing_count() == 1


@tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
def slope(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        n = tf.shape(x)[0]
        y = tf.reduce_sum(tf.reshape(x, [n, -1])[: n // 2] ** 2) + tf.reduce_sum(tf.tile(x, [n, 1]))
    return tape.gradient(y, x)


assert np.allclose(slope(tf.ones([4, 3])), [[6] * 3, [6] * 3, [4] * 3, [4] * 3])
print("sizes known at run time")
