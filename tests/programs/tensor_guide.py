"""dtypes, broadcasting, Python numbers, numpy beside tensors, strings, errors."""

import numpy as np

import tfcli as tf

assert tf.constant(4).dtype == tf.int32 and tf.constant(2.0).dtype == tf.float32 and tf.zeros(3).shape == (3,)
assert tf.constant(2**40).dtype == tf.int64 and tf.constant(np.float64(3)).dtype == tf.float64
whole = tf.constant([7, -7])
assert (whole // 2).numpy().tolist() == [3, -4] and (whole % 3).numpy().tolist() == [1, 2]
assert (whole / 2).dtype == tf.float64 and (1 - whole).numpy().tolist() == [-6, 8]
assert np.allclose(2 ** tf.constant([1.0, 3.0]), [2, 8]) and float(abs(tf.constant(-2.5))) == 2.5
for wrong in (lambda: tf.constant(1) + tf.constant(1.0), lambda: whole + 1.5, lambda: tf.constant([1.5], tf.int32)):
    try:
        wrong()
    except (TypeError, ValueError, tf.errors.InvalidArgumentError):
        continue
    raise AssertionError("dtypes do not mix silently")
column = tf.reshape(tf.constant([1, 2, 3]), [3, 1])
assert (column * tf.range(1, 5)).shape == (3, 4)
rank_4 = tf.zeros([3, 2, 4, 5])
assert rank_4.shape.as_list() == [3, 2, 4, 5] and rank_4.shape.rank == rank_4.ndim == 4 and len(rank_4) == 3
assert int(tf.size(rank_4)) == 120 and tf.reshape(rank_4, [3, -1]).shape == (3, 40)
assert isinstance(rank_4, tf.Tensor) and tf.is_tensor(tf.Variable(1.0)) and rank_4.numpy().dtype == np.float32
assert np.allclose(np.sin(tf.constant([0.0, 1.0])), np.sin([0, 1])) and f"{tf.constant(2.5):.2f}" == "2.50"
mixed = np.ones(2, np.float32) + tf.constant([1.0, 2.0])
assert tf.is_tensor(mixed) and mixed.numpy().tolist() == [2, 3]
assert [int(v) for v in tf.constant([1, 2, 3])] == [1, 2, 3] and list(range(9))[tf.constant(3)] == 3
assert tf.constant(3) in [tf.constant(1), tf.constant(3)] and {whole.ref(): "a"}[whole.ref()] == "a"
assert (tf.constant([1, 2]) == tf.constant([1, 5])).numpy().tolist() == [True, False]
assert (tf.constant([True, False]) & ~tf.constant([True, True])).numpy().tolist() == [False, False]
assert tf.strings.join(["a", "b"], separator="-").numpy() == b"a-b"
assert str(tf.constant(4)) == "tf.Tensor(4, shape=(), dtype=int32)"
assert repr(tf.constant([1.0])) == "<tf.Tensor: shape=(1,), dtype=float32, numpy=array([1.], dtype=float32)>"
assert tf.nest.map_structure(lambda v: v + 1, {"a": [1, (2,)]}) == {"a": [2, (3,)]}
assert tf.nest.flatten({"b": 1, "a": 2}) == [2, 1]
variable = tf.Variable([1.0, 2.0])
variable.assign_add([1.0, 1.0])
copy = tf.Variable(variable)
variable.assign([5.0, 6.0])
assert copy.numpy().tolist() == [2, 3] and (variable * 2).numpy().tolist() == [10, 12]
for wrong in (lambda: variable.assign([1.0]), lambda: tf.reshape(whole, [3, -1]), lambda: tf.matmul(column, column)):
    try:
        wrong()
    except (ValueError, tf.errors.InvalidArgumentError):
        continue
    raise AssertionError("shapes must fit")
print("tensors")
