"""Padding, masks that layers pass on, states given and returned, cells of one's own."""

import numpy as np

import tfcli as tf

keras, layers = tf.keras, tf.keras.layers
keras.utils.set_random_seed(0)
padded = keras.utils.pad_sequences([[7, 6, 1], [3, 8, 2, 5, 9], [4]], padding="post")
assert padded.tolist() == [[7, 6, 1, 0, 0], [3, 8, 2, 5, 9], [4, 0, 0, 0, 0]]
embedding = layers.Embedding(10, 4, mask_zero=True)
assert embedding.compute_mask(padded).numpy().sum(1).tolist() == [3, 5, 1]
lstm = layers.LSTM(3)
masked = lstm(embedding(padded))
assert np.allclose(masked[2], lstm(embedding(padded[2:, :1]))[0], atol=1e-6), "steps that are masked do nothing"


class MaskedMean(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        assert mask is not None
        weights = tf.expand_dims(tf.cast(mask, "float32"), -1)
        return tf.reduce_sum(inputs * weights, axis=1) / tf.reduce_sum(weights, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None


inputs = keras.Input(shape=(None,), dtype="int32")
x = layers.Embedding(10, 4, mask_zero=True)(inputs)
model = keras.Model(inputs, MaskedMean()(layers.Dense(2)(x)))
assert np.allclose(model(padded)[2], model(padded[2:, :1])[0], atol=1e-6)

sequence, hidden, cell = layers.LSTM(3, return_sequences=True, return_state=True)(tf.ones((2, 4, 5)))
assert sequence.shape == (2, 4, 3) and np.allclose(sequence[:, -1], hidden) and cell.shape == (2, 3)
encoder_input, decoder_input = keras.Input((None, 5)), keras.Input((None, 5))
_, *state = layers.LSTM(3, return_state=True)(encoder_input)
decoded = layers.LSTM(3, return_sequences=True)(decoder_input, initial_state=state)
translator = keras.Model([encoder_input, decoder_input], layers.TimeDistributed(layers.Dense(2))(decoded))
assert translator([np.ones((2, 4, 5)), np.ones((2, 6, 5))]).shape == (2, 6, 2)


class Sum(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="kernel")

    def call(self, inputs, states):
        output = tf.matmul(inputs, self.kernel) + states[0]
        return output, [output]


steps, last = layers.RNN(Sum(2), return_sequences=True, return_state=True)(tf.ones((1, 3, 2)))
assert steps.numpy()[0].tolist() == [[2, 2], [4, 4], [6, 6]] and last.numpy().tolist() == [[6, 6]]
stateful = layers.LSTM(3, stateful=True)
first = stateful(tf.ones((2, 4, 5)))
second = stateful(tf.ones((2, 4, 5)))
stateful.reset_state()
assert np.allclose(stateful(tf.ones((2, 4, 5))), first) and not np.allclose(first, second)
both = layers.Bidirectional(layers.GRU(3, return_sequences=True))(tf.ones((2, 4, 5)))
assert both.shape == (2, 4, 6)
print("sequences")
