"""Embeddings and masking: ids out of range, masks, and what positions add."""

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.errors import DataError, ShapeError
from tfcli.models.layers.embedding import Embedding, Masking, PositionEmbedding


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1, 9]], r"words: the id 9 is outside 0 .. 6 \(input_dim=7\); input_dim must be at least 10"),
        ([[-1, 3]], r"the id -1 is outside 0 .. 6 \(input_dim=7\); ids count from 0"),
    ],
)
def test_an_id_out_of_range_is_named_with_the_layer_and_its_size(ids, message):
    layer = Embedding(7, 2, name="words")
    with pytest.raises(DataError, match=message):
        layer(np.array(ids))


def test_an_id_out_of_range_is_named_in_a_traced_function_too():
    layer = Embedding(7, 2)
    traced = function(lambda ids: layer(ids), input_signature=[TensorSpec((None, 2), "int64")])
    with pytest.raises(DataError, match="the id 7 is outside"):
        traced(np.array([[0, 7]]))


def test_ids_may_come_as_floats_or_bytes():
    layer = Embedding(7, 2)
    y = layer(np.array([[1, 6]]))
    np.testing.assert_array_equal(layer(np.array([[1.0, 6.0]])), y)
    np.testing.assert_array_equal(layer(np.array([[1, 6]], np.uint8)), y)


def test_the_gradient_of_an_id_that_occurs_twice_counts_twice():
    layer = Embedding(4, 2)
    with GradientTape() as tape:
        loss = reduce_sum(layer(np.array([[1, 1, 3]])))
    np.testing.assert_array_equal(tape.gradient(loss, layer.embeddings), [[0, 0], [2, 2], [0, 0], [1, 1]])


def test_mask_zero_masks_zeros():
    ids = np.array([[3, 0, 1], [0, 0, 2]])
    np.testing.assert_array_equal(Embedding(4, 2, mask_zero=True)(ids).mask, ids != 0)
    assert Embedding(4, 2)(ids).mask is None


def test_positions_add_a_vector_each():
    layer, x = PositionEmbedding(), np.ones((2, 5, 3), "float32")
    np.testing.assert_allclose(layer(x), x + layer.embeddings.numpy(), rtol=1e-6)
    assert tuple(layer.embeddings.shape) == (5, 3)
    assert np.abs(layer.embeddings.numpy()).max() <= 0.05


def test_positions_need_a_known_length():
    with pytest.raises(ShapeError, match="give the model's input a size"):
        function(lambda x: PositionEmbedding()(x), [TensorSpec((None, None, 3))])(np.ones((2, 5, 3), "float32"))


def test_masking_hides_steps_that_are_the_mask_value_everywhere():
    x = np.array([[[9, 9], [9, 1], [2, 3], [9, 9]]], "float32")
    y = Masking(mask_value=9.0)(x)
    np.testing.assert_array_equal(y.mask, [[False, True, True, False]])
    np.testing.assert_array_equal(y, [[[0, 0], [9, 1], [2, 3], [0, 0]]])
