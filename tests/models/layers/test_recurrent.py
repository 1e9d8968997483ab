"""Recurrent layers: masks, states, directions, cells of one's own, and what they refuse."""

import numpy as np
import pytest

from tfcli.declare import FieldError
from tfcli.engine.function import function
from tfcli.engine.ops.elementary import tanh
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.layers.base import Layer, calling
from tfcli.models.layers.conv_lstm import ConvLSTM1D
from tfcli.models.layers.embedding import Embedding, Masking
from tfcli.models.layers.gates import GRUCell, LSTMCell, SimpleRNNCell
from tfcli.models.layers.recurrent import GRU, LSTM, RNN, SimpleRNN

X = np.random.default_rng(0).standard_normal((4, 6, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]], bool)
EACH = [SimpleRNN, GRU, LSTM]


def same(a, b, **tolerance):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), **({"rtol": 1e-5, "atol": 1e-6} | tolerance))


@pytest.mark.parametrize("kind", EACH)
def test_masked_steps_might_as_well_not_be_there(kind):
    layer = kind(5)
    y = layer(X, mask=MASK)
    for row, shown in enumerate(MASK):
        same(y[row], layer(X[row : row + 1, shown])[0])


def test_a_masked_step_repeats_the_output_before_it_and_the_first_one_gives_zeros():
    y = LSTM(5, return_sequences=True)(X, mask=MASK).numpy()
    same(y[0, 4], y[0, 3])
    same(y[2, :2], np.zeros((2, 5)))


def test_zero_output_for_mask_gives_zeros_there():
    y = LSTM(5, return_sequences=True, zero_output_for_mask=True)(X, mask=MASK).numpy()
    assert not y[~MASK].any()
    assert y[MASK].all()


def test_the_mask_of_an_embedding_reaches_the_layer_after_the_next():
    ids = np.array([[3, 1, 0, 0], [2, 2, 2, 0]])
    embedding, first, second = Embedding(5, 3, mask_zero=True), GRU(4, return_sequences=True), GRU(2)
    y = second(first(embedding(ids)))
    same(y[0], second(first(embedding(ids[:1, :2])))[0])


def test_the_mask_ends_where_the_time_axis_does():
    x = Masking()(X)
    assert GRU(4, return_sequences=True)(x).mask is not None
    assert GRU(4)(x).mask is None


@pytest.mark.parametrize("kind", EACH)
def test_stateful_goes_on_where_the_batch_before_ended(kind):
    whole = kind(5, return_sequences=True)
    expected = whole(X).numpy()
    layer = kind(5, return_sequences=True, stateful=True)
    layer(X)
    layer.set_weights(whole.get_weights())
    layer.reset_state()
    same(layer(X[:, :2]), expected[:, :2])
    same(layer(X[:, 2:]), expected[:, 2:])
    layer.reset_state()
    same(layer(X[:, :2]), expected[:, :2])


def test_a_stateful_layer_is_so_in_a_traced_function_too():
    layer = LSTM(5, stateful=True)
    layer(X)
    layer.reset_state()
    traced = function(lambda x: layer(x), input_signature=[TensorSpec((None, 6, 3))])
    first, second = traced(X).numpy(), traced(X).numpy()
    layer.reset_state()
    same(layer(X), first)
    same(layer(X), second)
    assert not np.allclose(first, second)


def test_a_stateful_layer_refuses_a_batch_of_another_size():
    layer = GRU(5, stateful=True)
    layer(X)
    with pytest.raises(ShapeError, match=r"batch of 4, and now reads a batch of 2;.*drop_remainder"):
        layer(X[:2])


def test_what_stateful_keeps_is_no_weight():
    layer = GRU(5, stateful=True)
    layer(X)
    assert [w.path.rsplit("/", 1)[-1] for w in layer.weights] == ["kernel", "recurrent_kernel", "bias"]


def test_reset_state_needs_stateful():
    with pytest.raises(TfcliError, match="stateful=True"):
        GRU(5).reset_state()


@pytest.mark.parametrize("kind", EACH)
def test_the_states_that_one_layer_returns_start_another(kind):
    layer = kind(5, return_sequences=True, return_state=True)
    whole, *_ = layer(X)
    _, *states = layer(X[:, :4])
    assert len(states) == (2 if kind is LSTM else 1)
    same(layer(X[:, 4:], initial_state=states)[0], whole[:, 4:])


def test_the_number_of_initial_states_is_checked():
    with pytest.raises(ShapeError, match="initial_state has 1 tensors, the cell has 2 states"):
        LSTM(5)(X, initial_state=[np.zeros((4, 5))])


def test_a_convolutional_lstm_keeps_and_returns_its_states():
    x = np.random.default_rng(1).standard_normal((2, 4, 6, 3)).astype("float32")
    whole, halves = (ConvLSTM1D(2, 3, return_sequences=True, stateful=stateful) for stateful in (False, True))
    expected = whole(x)
    halves(x)
    halves.set_weights(whole.get_weights())
    halves.reset_state()
    same(halves(x[:, :1]), expected[:, :1])
    same(halves(x[:, 1:]), expected[:, 1:])


@pytest.mark.parametrize("kind", EACH)
def test_go_backwards_reads_from_the_end_and_gives_its_outputs_in_that_order(kind):
    forwards, backwards = kind(5, return_sequences=True), kind(5, return_sequences=True, go_backwards=True)
    y = forwards(X[:, ::-1].copy())
    backwards(X)
    backwards.set_weights(forwards.get_weights())
    same(backwards(X), y)


@pytest.mark.parametrize("kind", EACH)
def test_unrolled_it_computes_the_same(kind):
    looped, unrolled = kind(5, return_sequences=True), kind(5, return_sequences=True, unroll=True)
    y = looped(X, mask=MASK)
    unrolled(X)
    unrolled.set_weights(looped.get_weights())
    same(unrolled(X, mask=MASK), y)


def test_unroll_needs_a_known_length():
    with pytest.raises(ShapeError, match="number of time steps"):
        function(lambda x: GRU(2, unroll=True)(x), input_signature=[TensorSpec((None, None, 3))])(X)


def test_the_length_may_be_unknown():
    layer = LSTM(5, return_sequences=True)
    traced = function(lambda x: layer(x), input_signature=[TensorSpec((None, None, 3))])
    for length in (2, 6):
        same(traced(X[:, :length]), layer(X[:, :length]))


def test_dropout_falls_on_the_same_entries_at_every_step():
    ones = np.ones((3, 5, 4), "float32")
    layer = SimpleRNN(
        2, dropout=0.5, return_sequences=True, kernel_initializer="ones", recurrent_initializer="zeros", activation=None
    )
    y = layer(ones, training=True).numpy()
    same(y, np.repeat(y[:, :1], 5, axis=1))
    assert set(np.unique(y)) <= {0.0, 2.0, 4.0, 6.0, 8.0}


@pytest.mark.parametrize("kind", EACH)
def test_recurrent_dropout_acts_in_training_alone(kind):
    layer = kind(5, recurrent_dropout=0.5, dropout=0.3)
    same(layer(X), layer(X))
    assert not np.allclose(layer(X, training=True).numpy(), layer(X, training=True).numpy())


def test_the_forget_gate_starts_open():
    layer = LSTM(2, bias_initializer={"type": "constant", "value": 0.5})
    layer(X)
    same(layer.bias.numpy(), [0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5])


def test_the_activity_regularizer_penalises_the_output():
    layer = GRU(3, activity_regularizer={"type": "l2", "l2": 1.0})
    with calling(training=True) as losses:
        y = layer(X)
    same(losses[0], np.sum(y.numpy() ** 2) / 4)


def test_gradients_reach_every_weight_of_stacked_cells():
    layer = RNN([LSTMCell(3), SimpleRNNCell(2), GRUCell(4)])
    with GradientTape() as tape:
        loss = reduce_sum(layer(X))
    assert all(g is not None and np.any(g.numpy()) for g in tape.gradient(loss, layer.trainable_weights))
    assert [w.path for w in layer.weights][:4] == [
        f"{layer.path}/0/kernel",
        f"{layer.path}/0/recurrent_kernel",
        f"{layer.path}/0/bias",
        f"{layer.path}/1/kernel",
    ]


def test_one_cell_gives_the_layer_of_its_kind():
    layer, by_cell = LSTM(5, return_sequences=True), RNN(LSTMCell(5), return_sequences=True)
    y = layer(X)
    by_cell(X)
    by_cell.set_weights(layer.get_weights())
    same(by_cell(X), y)
    assert [w.path for w in by_cell.weights] == [f"{by_cell.path}/{n}" for n in ("kernel", "recurrent_kernel", "bias")]


class Minimal(Layer):
    """Keras's example of a cell of one's own."""

    units: int

    @property
    def state_size(self):
        return self.units

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, self.units))

    def call(self, inputs, states):
        output = tanh(matmul(inputs, self.kernel) + matmul(states[0], self.recurrent_kernel))
        return output, [output]


@pytest.mark.parametrize("stacked", [False, True])
def test_a_cell_written_in_python_runs_in_an_rnn(stacked):
    layer, known = RNN([Minimal(4)] if stacked else Minimal(4), return_sequences=True), SimpleRNN(4, use_bias=False)
    y = layer(X, mask=MASK)
    known(X)
    known.set_weights(layer.get_weights())
    same(y[:, -1], known(X, mask=MASK))


@pytest.mark.parametrize("cell", ["dense", "lstm"])
def test_a_layer_that_is_no_cell_is_refused(cell):
    with pytest.raises(FieldError, match=f"a {cell} layer is no recurrent cell"):
        RNN({"type": cell, "units": 3})


def test_an_input_without_a_time_axis_is_refused_with_the_way_out():
    with pytest.raises(ShapeError, match=r"\(4, 3\).*return_sequences: true"):
        LSTM(3)(X[:, 0])


def test_cudnn_cannot_be_asked_for():
    with pytest.raises(FieldError, match="no cuDNN"):
        LSTM(3, use_cudnn=True)
