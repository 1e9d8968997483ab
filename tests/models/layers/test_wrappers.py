"""`bidirectional` and `time_distributed`: order in time, states, names of weights, and what they refuse."""

import numpy as np
import pytest

from tfcli.declare import FieldError
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.errors import ShapeError
from tfcli.models.layers.core import Dense
from tfcli.models.layers.embedding import Embedding
from tfcli.models.layers.normalization import BatchNormalization
from tfcli.models.layers.recurrent import GRU, LSTM
from tfcli.models.layers.wrappers import Bidirectional, TimeDistributed

X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")


def same(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5, atol=1e-6)


def test_both_directions_are_in_the_order_of_time():
    both, one = Bidirectional(GRU(3, return_sequences=True)), GRU(3, return_sequences=True)
    y = both(X).numpy()
    one(X)
    one.set_weights(both.get_weights()[:3])
    same(y[..., :3], one(X))
    one.set_weights(both.get_weights()[3:])
    same(y[..., 3:], one(X[:, ::-1].copy()).numpy()[:, ::-1])


def test_the_last_output_of_the_backward_layer_has_read_everything():
    both, one = Bidirectional(LSTM(3)), LSTM(3)
    y = both(X).numpy()
    one(X)
    one.set_weights(both.get_weights()[3:])
    same(y[:, 3:], one(X[:, ::-1].copy()))


@pytest.mark.parametrize(
    ("mode", "merge"),
    [
        ("concat", lambda a, b: np.concatenate([a, b], -1)),
        ("sum", np.add),
        ("mul", np.multiply),
        ("ave", lambda a, b: (a + b) / 2),
    ],
)
def test_each_way_to_merge(mode, merge):
    apart, merged = Bidirectional(GRU(3), merge_mode=None), Bidirectional(GRU(3), merge_mode=mode)
    a, b = apart(X)
    merged(X)
    merged.set_weights(apart.get_weights())
    same(merged(X), merge(a.numpy(), b.numpy()))


def test_return_state_gives_the_states_of_both():
    layer = Bidirectional(LSTM(3, return_state=True))
    y, h, c, h_back, c_back = layer(X)
    same(y, np.concatenate([h.numpy(), h_back.numpy()], -1))
    assert c.shape == c_back.shape == (4, 3)
    same(layer(X, initial_state=[h, c, h_back, c_back])[1], layer.forward_layer(X, initial_state=[h, c])[1])


def test_the_backward_layer_may_be_another():
    layer = Bidirectional(GRU(3), backward_layer=LSTM(2, go_backwards=True))
    assert layer(X).shape == (4, 5)
    assert [w.path.rsplit("/", 2)[-2] for w in layer.weights] == ["forward"] * 3 + ["backward"] * 3


def test_padding_leaves_both_directions_as_they_were():
    layer, embedding = Bidirectional(GRU(3)), Embedding(9, 4, mask_zero=True)
    y = layer(embedding(np.array([[5, 2, 7, 0, 0]])))
    same(y, layer(embedding(np.array([[5, 2, 7]]))))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": Dense(3)}, "wraps a recurrent layer, got `dense`"),
        ({"layer": GRU(3, go_backwards=True)}, "go_backwards: true"),
        ({"layer": GRU(3), "backward_layer": GRU(3)}, "go_backwards: false"),
        (
            {"layer": GRU(3), "backward_layer": GRU(3, go_backwards=True, return_sequences=True)},
            "`return_sequences` must be the same",
        ),
    ],
)
def test_layers_that_make_no_pair_are_refused(fields, message):
    with pytest.raises(FieldError, match=message):
        Bidirectional(**fields)


def test_time_distributed_applies_its_layer_to_each_step():
    layer = TimeDistributed(Dense(5), name="each")
    y = layer(X).numpy()
    assert [w.path for w in layer.weights] == ["each/kernel", "each/bias"]
    for t in range(6):
        same(y[:, t], layer.layer(X[:, t]))


def test_time_distributed_over_a_length_that_is_not_known():
    layer = TimeDistributed(TimeDistributed(Dense(5)))
    x = np.ones((2, 3, 4, 5), "float32")
    traced = function(lambda x: layer(x), input_signature=[TensorSpec((None, None, None, 5))])
    same(traced(x), layer(x))


def test_time_distributed_keeps_ids_whole():
    ids = np.array([[[2**24 + 1, 0]]])
    assert TimeDistributed(Embedding(2**24 + 2, 1, embeddings_initializer="zeros"))(ids).shape == (1, 1, 2, 1)


def test_a_mask_of_the_inner_axis_reaches_the_inner_layer():
    ids = np.array([[[3, 1, 0], [2, 0, 0]]])
    embedding, layer = Embedding(4, 2, mask_zero=True), TimeDistributed(GRU(3))
    y = layer(embedding(ids))
    same(y[:, 1], layer.layer(embedding(ids[:, 1, :1])))


def test_batch_statistics_are_those_of_one_time_step():
    layer = TimeDistributed(BatchNormalization())
    y = layer(X, training=True).numpy()
    same(y.mean(axis=0), np.zeros((6, 3)))


def test_time_distributed_needs_a_time_axis():
    with pytest.raises(ShapeError, match=r"\(batch, time, …\), got \(4, 3\)"):
        TimeDistributed(Dense(2))(X[:, 0])
