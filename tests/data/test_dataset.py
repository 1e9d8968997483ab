"""tf.data.Dataset: order, structure, determinism, and what it says of mistakes."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.data.dataset import AUTOTUNE, Dataset
from tfcli.errors import DataError


def numbers(dataset: Dataset) -> list:
    return [np.asarray(x).tolist() for x in dataset.as_numpy_iterator()]


def test_slices_keep_their_structure():
    dataset = Dataset.from_tensor_slices({"a": [[1, 2], [3, 4]], "b": (["x", "y"],)})
    first = next(iter(dataset))
    assert first["a"].numpy().tolist() == [1, 2]
    assert first["b"][0].numpy() == b"x"


@pytest.mark.parametrize("count", [3, 10, 20])
def test_a_shuffled_dataset_holds_the_same_rows(count):
    dataset = Dataset.from_tensor_slices(np.arange(10)).shuffle(count, seed=3)
    assert sorted(numbers(dataset)) == list(range(10))


def test_shuffling_depends_on_the_seed_and_the_pass():
    one, other = (Dataset.from_tensor_slices(np.arange(20)).shuffle(20, seed=3) for _ in range(2))
    first = numbers(one)
    assert numbers(other) == first
    assert numbers(one) != first


def test_without_reshuffling_each_pass_is_the_same():
    dataset = Dataset.range(20).shuffle(5, seed=3, reshuffle_each_iteration=False)
    assert numbers(dataset) == numbers(dataset)


@pytest.mark.parametrize("drop", [False, True])
def test_rows_and_elements_are_batched_alike(drop):
    rows = Dataset.from_tensor_slices(np.arange(10)).skip(1).take(8).shard(2, 1).repeat(2)
    elements = Dataset.range(10).skip(1).take(8).shard(2, 1).repeat(2)
    assert numbers(rows.batch(3, drop_remainder=drop)) == numbers(elements.batch(3, drop_remainder=drop))
    assert len(rows.batch(3, drop_remainder=drop)) == len(numbers(rows.batch(3, drop_remainder=drop)))


def test_map_takes_the_components_as_arguments_and_is_traced_once():
    calls = []

    def added(x, y):
        calls.append(1)
        return x + y

    dataset = Dataset.zip((Dataset.range(4), Dataset.range(4))).map(added, num_parallel_calls=AUTOTUNE)
    assert numbers(dataset) == [0, 2, 4, 6]
    assert len(calls) == 1


def test_map_may_use_python_on_the_values():
    assert numbers(Dataset.range(4).map(lambda n: n if int(n) % 2 else -n)) == [0, 1, -2, 3]


def test_lists_become_tensors():
    assert numbers(Dataset.range(2).map(lambda n: [n, n])) == [[0, 0], [1, 1]]


def test_filter_take_while_scan_reduce_enumerate():
    assert numbers(Dataset.range(6).filter(lambda n: n % 2 == 0)) == [0, 2, 4]
    assert numbers(Dataset.range(6).take_while(lambda n: n < 3)) == [0, 1, 2]
    assert numbers(Dataset.range(4).scan(np.int64(0), lambda s, n: (s + n, s + n))) == [0, 1, 3, 6]
    assert Dataset.range(5).reduce(np.int64(0), lambda s, n: s + n).numpy() == 10
    assert [(int(i), int(n)) for i, n in Dataset.range(5, 7).enumerate()] == [(0, 5), (1, 6)]


@pytest.mark.parametrize(
    ("size", "shift", "stride", "drop", "expected"),
    [
        (3, 2, 1, True, [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        (3, 2, 1, False, [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6]]),
        (2, 4, 1, False, [[0, 1], [4, 5]]),
        (2, 1, 3, True, [[0, 3], [1, 4], [2, 5], [3, 6]]),
    ],
)
def test_windows(size, shift, stride, drop, expected):
    windows = Dataset.range(7).window(size, shift, stride, drop).flat_map(lambda w: w.batch(size))
    assert numbers(windows) == expected


def test_interleave_takes_turns():
    dataset = Dataset.range(3).interleave(lambda n: Dataset.from_tensors(n).repeat(3), cycle_length=2, block_length=2)
    assert numbers(dataset) == [0, 0, 1, 1, 0, 1, 2, 2, 2]


def test_padded_batches_reach_the_longest():
    rows = Dataset.from_generator(lambda: iter([[1], [2, 3]]), output_signature=tf.TensorSpec((None,), tf.int32))
    assert numbers(rows.padded_batch(2)) == [[[1, 0], [2, 3]]]
    assert numbers(rows.padded_batch(2, padded_shapes=[3], padding_values=-1)) == [[[1, -1, -1], [2, 3, -1]]]


def test_buckets_hold_elements_of_like_length():
    rows = Dataset.from_generator(
        lambda: iter([[1], [2, 2, 2], [3], [4, 4]]), output_signature=tf.TensorSpec((None,), tf.int32)
    )
    buckets = rows.bucket_by_sequence_length(lambda x: tf.size(x), [2], [2, 2])
    assert numbers(buckets) == [[[1], [3]], [[2, 2, 2], [4, 4, 0]]]


def test_choosing_and_sampling():
    parts = [Dataset.from_tensors(i).repeat(2) for i in range(2)]
    chosen = Dataset.choose_from_datasets(parts, Dataset.from_tensor_slices(np.array([0, 1, 1, 0])))
    assert numbers(chosen) == [0, 1, 1, 0]
    sampled = [numbers(Dataset.sample_from_datasets(parts, seed=1)) for _ in range(2)]
    assert sampled[0] == sampled[1]
    assert sorted(sampled[0]) == [0, 0, 1, 1]


def test_a_cache_computes_each_element_once():
    calls = []

    def noted():
        calls.append(1)
        yield from range(3)

    dataset = Dataset.from_generator(noted, output_signature=tf.TensorSpec((), tf.int32)).cache()
    assert numbers(dataset) == numbers(dataset)
    assert len(calls) == 1


def test_cardinality():
    assert len(Dataset.range(10).batch(3)) == 4
    assert int(Dataset.range(10).repeat().cardinality()) == tf.data.INFINITE_CARDINALITY
    assert int(Dataset.range(10).filter(lambda n: n > 1).cardinality()) == tf.data.UNKNOWN_CARDINALITY


def test_lines_of_files(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    names = Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert list(tf.data.TextLineDataset(names).as_numpy_iterator()) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dataset.from_tensor_slices(([1, 2], [1])), "equally many"),
        (lambda: Dataset.from_tensor_slices(1), "from_tensors keeps them whole"),
        (lambda: Dataset.range(3).batch(0), "a size of 1 or more"),
        (lambda: Dataset.range(3).shuffle(0), "buffer_size must be 1 or more"),
        (lambda: Dataset.range(3).shard(2, 2), "numbered from 0"),
        (lambda: numbers(Dataset.range(2).filter(lambda n: n)), "must return one bool"),
        (lambda: numbers(Dataset.range(2).flat_map(lambda n: n)), "must return a Dataset"),
        (lambda: Dataset.range(2).concatenate(Dataset.from_tensors("a")), "cannot stand in one dataset"),
        (
            lambda: numbers(Dataset.from_generator(lambda: iter([[1]]), output_signature=tf.TensorSpec((), tf.int32))),
            "output_signature says",
        ),
        (
            lambda: numbers(
                Dataset.from_generator(
                    lambda: iter([[1], [1, 2]]), output_signature=tf.TensorSpec((None,), tf.int32)
                ).batch(2)
            ),
            "padded_batch fills them up",
        ),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(DataError, match=message):
        make()
