"""SwapEMAWeights: validation sees the averages, training the weights."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import SpecError

keras = tf.keras
X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def fitted(callbacks, epochs=3, **settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8), "mse")
    history = model.fit(X, Y, 8, epochs, 0, callbacks, validation_data=(X, Y), shuffle=False, **settings)
    return model, history.history


def test_validation_sees_the_averages_and_training_does_not():
    plain, plain_history = fitted([])
    swapped, history = fitted([keras.callbacks.SwapEMAWeights()])
    np.testing.assert_array_equal(history["loss"], plain_history["loss"])
    assert all(a > b for a, b in zip(history["val_loss"], plain_history["val_loss"], strict=True))
    np.testing.assert_array_equal(swapped.get_weights()[0], plain.get_weights()[0])


def test_after_an_epoch_other_callbacks_see_the_averages():
    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(look.model.get_weights()[0]))
    model, history = fitted([keras.callbacks.SwapEMAWeights(swap_on_epoch=True), look])
    plain, plain_history = fitted([])
    np.testing.assert_array_equal(history["loss"], plain_history["loss"])
    np.testing.assert_array_equal(model.get_weights()[0], plain.get_weights()[0])
    np.testing.assert_array_equal(seen[-1], model.get_weights()[0])


def test_an_optimizer_without_averages_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(SpecError, match="use_ema=True"):
        model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[keras.callbacks.SwapEMAWeights()])
