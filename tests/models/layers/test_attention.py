"""Attention layers: who sees what, the ways to call them, and what they refuse."""

import numpy as np
import pytest

from tfcli.declare import FieldError
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError
from tfcli.models.layers.attention import AdditiveAttention, Attention
from tfcli.models.layers.base import calling
from tfcli.models.layers.embedding import Embedding
from tfcli.models.layers.multi_head_attention import GroupQueryAttention, MultiHeadAttention

random = np.random.default_rng(0)
QUERY, VALUE = (random.standard_normal(s).astype("float32") for s in ((2, 4, 6), (2, 5, 6)))
WITH_HEADS = [
    lambda **fields: MultiHeadAttention(2, 3, **fields),
    lambda **fields: GroupQueryAttention(3, 4, 2, **fields),
]
WITHOUT = [Attention, AdditiveAttention]


def same(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-5)


def changed_after(layer, step):
    """At which steps the output changes when the input does from `step` on."""
    other = QUERY.copy()
    other[:, step:] += 1.0
    first, second = (layer([x, x]).numpy() for x in (QUERY, other))
    return [t for t in range(4) if not np.allclose(first[:, t], second[:, t])]


@pytest.mark.parametrize("kind", [*WITH_HEADS, *WITHOUT])
def test_a_causal_mask_hides_the_future(kind):
    assert changed_after(kind(use_causal_mask=True), 2) == [2, 3]
    assert changed_after(kind(), 2) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_a_sliding_window_hides_what_is_far(kind):
    assert changed_after(kind(sliding_window=2), 3) == [2, 3]


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_the_causal_mask_can_be_asked_for_in_the_call(kind):
    layer, always = kind(), kind(use_causal_mask=True)
    y = always(QUERY)
    layer(QUERY)
    layer.set_weights(always.get_weights())
    same(layer(QUERY, QUERY, use_causal_mask=True), y)


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_one_input_is_self_attention(kind):
    layer = kind()
    y = layer(QUERY)
    same(layer([QUERY, QUERY]), y)
    same(layer([QUERY, QUERY, QUERY]), y)


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_keras_calls_with_query_value_and_key_apart(kind):
    layer, key = kind(), VALUE + 1.0
    same(layer(QUERY, VALUE, key), layer([QUERY, VALUE, key]))
    assert layer(QUERY, VALUE).shape == QUERY.shape


def test_a_key_needs_a_value():
    with pytest.raises(ShapeError, match=r"layer\(query, value, key\)"):
        MultiHeadAttention(2, 3)(QUERY, key=VALUE)


@pytest.mark.parametrize("kind", [*WITH_HEADS, *WITHOUT])
def test_masked_values_might_as_well_not_be_there(kind):
    layer, shown = kind(), np.array([True, True, False, True, False])
    y = layer([QUERY, VALUE], mask=[None, np.array([shown, shown])])
    same(y, layer([QUERY, VALUE[:, shown]]))


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_an_attention_mask_says_for_each_query_what_it_sees(kind):
    seen = np.tril(np.ones((4, 4), bool))
    layer, causal = kind(), kind(use_causal_mask=True)
    y = causal(QUERY)
    layer(QUERY)
    layer.set_weights(causal.get_weights())
    same(layer(QUERY, attention_mask=np.array([seen, seen])), y)


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_attention_scores_add_up_to_one(kind):
    y, scores = kind()(QUERY, VALUE, return_attention_scores=True)
    assert y.shape == (2, 4, 6)
    assert scores.shape[0::2] == (2, 4)
    same(scores.numpy().sum(-1), np.ones(scores.shape[:-1]))


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_the_masks_of_embeddings_hide_padding(kind):
    embedding, layer = Embedding(5, 6, mask_zero=True), kind()
    y = layer(embedding(np.array([[3, 1, 4, 0, 0]])))
    same(y[:, :3], layer(embedding(np.array([[3, 1, 4]]))))
    assert y.mask is not None


@pytest.mark.parametrize("kind", WITHOUT)
def test_masked_queries_give_zeros(kind):
    shown = np.array([[True, True, False, True]] * 2)
    y = kind()([QUERY, VALUE], mask=[shown, None])
    assert not y[:, 2].numpy().any()
    same(y.mask, shown)


@pytest.mark.parametrize("kind", [*WITH_HEADS, *WITHOUT])
def test_lengths_and_batch_may_be_unknown(kind):
    layer = kind(use_causal_mask=True)
    signature = [TensorSpec((None, None, 6)), TensorSpec((None, None, 6))]
    traced = function(lambda q, v: layer([q, v]), input_signature=signature)
    same(traced(QUERY, VALUE), layer([constant(QUERY), constant(VALUE)]))


@pytest.mark.parametrize("kind", [*WITH_HEADS, *WITHOUT])
def test_dropout_acts_in_training_alone(kind):
    layer = kind(dropout=0.5)
    first, second = layer([QUERY, VALUE]), layer([QUERY, VALUE], training=True)
    same(layer([QUERY, VALUE]), first)
    assert not np.allclose(first.numpy(), second.numpy())


def test_weights_are_named_as_in_keras():
    layer = MultiHeadAttention(2, 3, value_dim=5, name="attn")
    layer(QUERY)
    assert {w.path: tuple(w.shape) for w in layer.weights} == {
        "attn/query/kernel": (6, 2, 3),
        "attn/query/bias": (2, 3),
        "attn/key/kernel": (6, 2, 3),
        "attn/key/bias": (2, 3),
        "attn/value/kernel": (6, 2, 5),
        "attn/value/bias": (2, 5),
        "attn/attention_output/kernel": (2, 5, 6),
        "attn/attention_output/bias": (6,),
    }


def test_the_activity_regularizer_penalises_every_projection():
    layer = MultiHeadAttention(2, 3, activity_regularizer="l2")
    with calling(training=True) as losses:
        layer(QUERY)
    assert len(losses) == 4


@pytest.mark.parametrize("kind", WITHOUT)
def test_without_heads_a_value_is_needed(kind):
    with pytest.raises(ShapeError, match=r"\[query, value\] or \[query, value, key\] as inputs, got 1"):
        kind()(QUERY)


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"attention_axes": [3]}, (2, 4, 5, 6), r"attention_axes \[3\].*1 to 2"),
        ({}, (2, 6), r"\(batch, time, features\), got \(2, 6\)"),
        ({"use_causal_mask": True}, (2, 3, 4, 5), "needs one axis of time"),
    ],
)
def test_axes_that_do_not_exist_are_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        MultiHeadAttention(2, 3, **fields)(np.zeros(shape, "float32"))


def test_value_and_key_must_be_equally_long():
    with pytest.raises(ShapeError, match=r"value \(2, 5, 6\) and key \(2, 4, 6\)"):
        MultiHeadAttention(2, 3)([QUERY, VALUE, QUERY])


def test_heads_that_cannot_be_shared_equally_are_refused():
    with pytest.raises(FieldError, match="5 query heads cannot share 2"):
        GroupQueryAttention(3, 5, 2)


def test_flash_attention_cannot_be_asked_for():
    with pytest.raises(FieldError, match="no flash attention"):
        MultiHeadAttention(2, 3, flash_attention=True)
