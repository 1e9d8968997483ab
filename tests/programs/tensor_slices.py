"""Slicing, gathering, scattering and assigning parts of tensors and variables."""

import numpy as np

import tfcli as tf

t = tf.constant([0, 1, 2, 3, 4, 5, 6, 7])
assert tf.slice(t, begin=[1], size=[3]).numpy().tolist() == t[1:4].numpy().tolist() == [1, 2, 3]
assert t[-3:].numpy().tolist() == [5, 6, 7] and t[::-2].numpy().tolist() == [7, 5, 3, 1]
grid = tf.reshape(tf.range(24), [2, 3, 4])
assert grid[..., 1].shape == (2, 3) and grid[:, tf.newaxis, 1].shape == (2, 1, 4)
assert int(grid[1, -1, tf.constant(2)]) == 22
assert tf.gather(grid, [0, 2], axis=1).shape == (2, 2, 4)
assert tf.gather_nd(grid, [[0, 1, 2], [1, 2, 3]]).numpy().tolist() == [6, 23]
assert tf.boolean_mask(t, t % 2 == 0).numpy().tolist() == t[t % 2 == 0].numpy().tolist() == [0, 2, 4, 6]
scattered = tf.scatter_nd([[0], [2], [2]], [1, 2, 3], [4])
assert scattered.numpy().tolist() == [1, 0, 5, 0]
assert tf.tensor_scatter_nd_update(t, [[1], [3]], [-1, -3]).numpy().tolist() == [0, -1, 2, -3, 4, 5, 6, 7]

table = tf.Variable(tf.zeros([3, 4]))
table[1:3].assign(tf.ones([2, 4]))
table[:, 1].assign([7.0, 8.0, 9.0])
table[0, 0].assign(5.0)
table.scatter_nd_update([[0, 3], [2, 0]], [1.5, 2.5])
assert np.array_equal(table, [[5, 7, 0, 1.5], [1, 8, 1, 1], [2.5, 9, 1, 1]])
rows = tf.Variable([1.0, 2.0, 3.0])
rows.scatter_add(tf.IndexedSlices(tf.constant([1.0, 1.0]), tf.constant([2, 2])))
assert rows.numpy().tolist() == [1, 2, 5]
with tf.GradientTape() as tape:
    value = tf.reduce_sum(table[0, 1:3] ** 2) + tf.reduce_sum(tf.gather(table, [2, 2]))
assert np.array_equal(tf.convert_to_tensor(tape.gradient(value, table))[2], [2, 2, 2, 2])
try:
    t[9]
except (ValueError, IndexError, tf.errors.InvalidArgumentError):
    print("slices agree")
else:
    raise AssertionError("an index outside must fail")
