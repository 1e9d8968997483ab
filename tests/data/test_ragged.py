"""tf.RaggedTensor and Dataset.ragged_batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tfcli as tf
from tfcli.errors import ShapeError

ROWS = [[1, 2, 3], [], [4], [5, 6]]
LISTS = st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=6)


def test_the_ways_to_make_one_agree():
    values = [1, 2, 3, 4, 5, 6]
    made = [
        tf.ragged.constant(ROWS),
        tf.RaggedTensor.from_row_splits(values, [0, 3, 3, 4, 6]),
        tf.RaggedTensor.from_row_lengths(values, [3, 0, 1, 2]),
        tf.RaggedTensor.from_value_rowids(values, [0, 0, 0, 2, 3, 3]),
        tf.RaggedTensor.from_tensor([[1, 2, 3], [0, 0, 0], [4, 0, 0], [5, 6, 0]], padding=0),
        tf.RaggedTensor.from_tensor([[1, 2, 3], [0, 0, 0], [4, 0, 0], [5, 6, 0]], lengths=[3, 0, 1, 2]),
        tf.ragged.stack([[1, 2, 3], np.zeros(0, np.int32), [4], [5, 6]]),
    ]
    assert [ragged.to_list() for ragged in made] == [ROWS] * len(made)


def test_what_it_tells_of_itself():
    ragged = tf.ragged.constant(ROWS)
    assert ragged.shape == (4, None)
    assert (ragged.dtype, ragged.ragged_rank, len(ragged)) == ("int32", 1, 4)
    assert ragged.row_lengths().numpy().tolist() == [3, 0, 1, 2]
    assert ragged.row_splits.numpy().tolist() == [0, 3, 3, 4, 6]
    assert ragged.row_starts().numpy().tolist() == [0, 3, 3, 4]
    assert ragged.value_rowids().numpy().tolist() == [0, 0, 0, 2, 3, 3]
    assert repr(ragged) == "<tf.RaggedTensor [[1, 2, 3], [], [4], [5, 6]]>"


@settings(deadline=None)
@given(rows=LISTS, fill=st.integers(-9, 9))
def test_a_tensor_is_filled_up(rows, fill):
    longest = max(map(len, rows))
    ragged = tf.RaggedTensor.from_row_lengths(np.array(sum(rows, []), np.int64), list(map(len, rows)))  # noqa: RUF017
    assert ragged.to_tensor(fill).numpy().tolist() == [row + [fill] * (longest - len(row)) for row in rows]
    assert ragged.to_list() == rows


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, [1, 2, 3]),
        (-1, [5, 6]),
        ((0, 1), 2),
        (slice(1, 3), [[], [4]]),
        (slice(None, None, 2), [[1, 2, 3], [4]]),
        ((slice(None), slice(1, None)), [[2, 3], [], [], [6]]),
        ((slice(2, None), 0), [4, 5]),
    ],
)
def test_indices_are_those_of_lists(index, expected):
    found = tf.ragged.constant(ROWS)[index]
    assert (found.to_list() if isinstance(found, tf.RaggedTensor) else found.numpy().tolist()) == expected


def test_rows_may_have_rows():
    nested = [[[1, 2], [3]], [], [[4, 5, 6]]]
    ragged = tf.ragged.constant(nested)
    assert (ragged.to_list(), ragged.ragged_rank, ragged.shape) == (nested, 2, (3, None, None))
    assert ragged[:2].to_list() == nested[:2]
    assert ragged[0, 1].numpy().tolist() == [3]
    assert ragged.to_tensor().numpy().tolist() == [
        [[1, 2, 0], [3, 0, 0]],
        [[0, 0, 0], [0, 0, 0]],
        [[4, 5, 6], [0, 0, 0]],
    ]


def test_values_are_mapped_and_reduced_by_row():
    ragged = tf.ragged.constant(ROWS)
    assert tf.ragged.map_flat_values(tf.multiply, ragged, ragged).to_list() == [[1, 4, 9], [], [16], [25, 36]]
    summed = tf.math.segment_sum(ragged.flat_values, ragged.value_rowids())
    assert summed.numpy().tolist() == [6, 0, 4, 11]
    with pytest.raises(ShapeError, match="rows of the same lengths"):
        tf.ragged.map_flat_values(tf.add, ragged, tf.ragged.constant([[1, 2], [3], [4], [5, 6]]))


def test_gradients_flow_through_to_tensor():
    values = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.RaggedTensor.from_row_lengths(values.value(), [2, 1]).to_tensor() ** 2)
    assert tf.convert_to_tensor(tape.gradient(loss, values)).numpy().tolist() == [2.0, 4.0, 6.0]


def test_texts_are_filled_up_with_nothing():
    assert tf.ragged.constant([["a"], ["b", "c"]]).to_tensor().numpy().tolist() == [[b"a", b""], [b"b", b"c"]]


@pytest.mark.parametrize("splits", [[1, 3], [0, 2], [0, 3, 2, 3], []])
def test_splits_that_do_not_fit_are_refused(splits):
    with pytest.raises(ShapeError, match="must rise from 0 to the number of values, 3"):
        tf.RaggedTensor.from_row_splits([1, 2, 3], splits)


@pytest.mark.parametrize("drop", [False, True])
def test_a_dataset_in_ragged_batches(drop):
    rows = lambda: ((row, i) for i, row in enumerate([*ROWS, [7]]))  # noqa: E731
    signature = (tf.TensorSpec([None], "int64"), tf.TensorSpec([], "int64"))
    dataset = tf.data.Dataset.from_generator(rows, output_signature=signature)
    batches = list(dataset.ragged_batch(2, drop_remainder=drop))
    assert [x.to_list() for x, _ in batches] == [ROWS[:2], ROWS[2:], [[7]]][: 2 if drop else 3]
    assert batches[0][1].numpy().tolist() == [0, 1]
    spec = dataset.ragged_batch(2, drop_remainder=drop).element_spec
    assert (spec[0].shape, spec[1].shape) == ((2 if drop else None, None), (2 if drop else None,))
    again = next(iter(dataset.apply(tf.data.experimental.dense_to_ragged_batch(3))))
    assert again[0].to_list() == ROWS[:3]
