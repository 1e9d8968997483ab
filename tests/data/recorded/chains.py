"""Chains of tf.data that mean the same in TensorFlow and here: `CHAINS[name](tf)` is a dataset.

What TensorFlow made of them is in `chains.json`; `python tests/data/recorded/record.py` writes it anew.
"""

import numpy as np

ROWS = np.arange(24).reshape(12, 2).astype(np.float32)


def ragged(tf):
    rows = lambda: ([n] * (n % 5 + 1) for n in range(1, 11))  # noqa: E731
    return tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec((None,), tf.int64))


def inner(tf, n):
    return tf.data.Dataset.range(n * 10, n * 10 + n)


CHAINS = {
    "slices": lambda tf: tf.data.Dataset.from_tensor_slices({"a": ROWS, "b": np.arange(12)}).skip(2).take(3),
    "range": lambda tf: tf.data.Dataset.range(3, 20, 4),
    "batch": lambda tf: tf.data.Dataset.range(10).batch(4),
    "batch_drop": lambda tf: tf.data.Dataset.range(10).batch(4, drop_remainder=True),
    "map_tuple": lambda tf: tf.data.Dataset.from_tensor_slices((ROWS, np.arange(12))).map(
        lambda x, y: (y, x * 2.0), num_parallel_calls=4
    ),
    "filter_take_while": lambda tf: tf.data.Dataset.range(20).filter(lambda n: n % 3 == 0).take_while(lambda n: n < 13),
    "flat_map": lambda tf: tf.data.Dataset.range(5).flat_map(lambda n: inner(tf, n)),
    "interleave": lambda tf: tf.data.Dataset.range(7).interleave(
        lambda n: inner(tf, n), cycle_length=3, block_length=2
    ),
    "interleave_one": lambda tf: tf.data.Dataset.range(7).interleave(lambda n: inner(tf, n), cycle_length=4),
    "interleave_uneven": lambda tf: tf.data.Dataset.from_tensor_slices(np.array([5, 0, 1, 6, 0, 2, 3])).interleave(
        lambda n: inner(tf, n), cycle_length=2, block_length=3
    ),
    "zip_enumerate": lambda tf: tf.data.Dataset.zip(
        (tf.data.Dataset.range(3), tf.data.Dataset.range(10, 20).enumerate(start=5))
    ),
    "concatenate_repeat": lambda tf: tf.data.Dataset.range(3).concatenate(tf.data.Dataset.range(8, 10)).repeat(2),
    "shard": lambda tf: tf.data.Dataset.range(11).shard(3, 1),
    "window": lambda tf: tf.data.Dataset.range(10).window(4, shift=3, stride=2).flat_map(lambda w: w.batch(4)),
    "window_drop": lambda tf: (
        tf.data.Dataset.range(10).window(4, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(4))
    ),
    "window_far": lambda tf: tf.data.Dataset.range(12).window(2, shift=5).flat_map(lambda w: w.batch(2)),
    "unbatch": lambda tf: tf.data.Dataset.from_tensor_slices(ROWS).batch(5).unbatch().batch(7),
    "rebatch": lambda tf: tf.data.Dataset.range(10).batch(4).rebatch(3),
    "scan": lambda tf: tf.data.Dataset.range(6).scan(np.int64(1), lambda s, n: (s + n, s * n)),
    "unique": lambda tf: tf.data.Dataset.from_tensor_slices([1, 2, 1, 3, 2]).unique(),
    "padded_batch": lambda tf: ragged(tf).padded_batch(3),
    "padded_batch_shape": lambda tf: ragged(tf).padded_batch(
        4, padded_shapes=[6], padding_values=np.int64(-1), drop_remainder=True
    ),
    "bucket": lambda tf: ragged(tf).bucket_by_sequence_length(
        lambda x: tf.shape(x)[0], bucket_boundaries=[3, 5], bucket_batch_sizes=[2, 3, 2]
    ),
    "bucket_boundary": lambda tf: ragged(tf).bucket_by_sequence_length(
        lambda x: tf.shape(x)[0],
        bucket_boundaries=[4, 7],
        bucket_batch_sizes=[2, 2, 2],
        pad_to_bucket_boundary=True,
        drop_remainder=True,
    ),
    "group_by_window": lambda tf: tf.data.Dataset.range(10).group_by_window(
        key_func=lambda n: n % 2, reduce_func=lambda key, window: window.batch(3), window_size=3
    ),
    "choose": lambda tf: tf.data.Dataset.choose_from_datasets(
        [tf.data.Dataset.range(3), tf.data.Dataset.range(10, 12), tf.data.Dataset.range(20, 29)],
        tf.data.Dataset.from_tensor_slices(np.array([0, 2, 1, 1, 1, 0, 2])),
    ),
    "choose_on": lambda tf: tf.data.Dataset.choose_from_datasets(
        [tf.data.Dataset.range(3), tf.data.Dataset.range(10, 11)],
        tf.data.Dataset.from_tensor_slices(np.array([1, 1, 0, 1, 0, 0, 0])),
        stop_on_empty_dataset=False,
    ),
    "texts": lambda tf: tf.data.Dataset.from_tensor_slices(["b", "a", "c"]).map(lambda t: tf.strings.upper(t)),
    "prefetch_cache": lambda tf: tf.data.Dataset.range(5).cache().prefetch(2),
    "generator": lambda tf: tf.data.Dataset.from_generator(
        lambda: ((i, [i] * i) for i in range(4)),
        output_signature=(tf.TensorSpec((), tf.int32), tf.TensorSpec((None,), tf.float32)),
    ),
    "shuffle_whole": lambda tf: tf.data.Dataset.range(6).shuffle(6, seed=1).batch(6).map(lambda x: tf.sort(x)),
}


def listed(dataset) -> list:
    """The elements in what JSON has."""
    return [plain(element) for element in dataset.as_numpy_iterator()]


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [plain(item) for item in value]
    return np.asarray(value).tolist()


def described(tf, name: str) -> dict:
    dataset = CHAINS[name](tf)
    return {"elements": listed(dataset), "cardinality": int(dataset.cardinality())}
