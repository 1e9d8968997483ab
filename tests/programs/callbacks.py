"""What callbacks are told, and what they can do."""

import os
import tempfile

import numpy as np

import tfcli as tf

keras = tf.keras
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).random((50, 4)).astype("float32")
y = x.sum(1, keepdims=True)


def make():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


class Log(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train begins")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}: {', '.join(sorted(logs))}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"batch {batch}")

    def on_test_end(self, logs=None):
        self.calls.append("tested")

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append(f"predicted {batch}")


log, model = Log(), make()
model.fit(x, y, epochs=1, batch_size=32, verbose=0, callbacks=[log], validation_split=0.2)
model.predict(x, batch_size=32, verbose=0, callbacks=[log])
assert log.calls == [
    *("train begins", "batch 0", "batch 1", "tested", "epoch 0: loss, mae, val_loss, val_mae"),
    *("predicted 0", "predicted 1"),
]
assert log.model is model


class StopAtSecond(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


assert len(make().fit(x, y, epochs=9, verbose=0, callbacks=[StopAtSecond()]).epoch) == 2
model = make()
halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
model.fit(x, y, epochs=3, verbose=0, callbacks=[halved])
assert abs(float(model.optimizer.learning_rate) - 0.0125) < 1e-6
early = keras.callbacks.EarlyStopping(monitor="loss", min_delta=100, patience=1, restore_best_weights=True)
assert len(make().fit(x, y, epochs=9, verbose=0, callbacks=[early]).epoch) == 2 and early.stopped_epoch == 1
seen = []
with tempfile.TemporaryDirectory() as directory:
    files = [
        keras.callbacks.ModelCheckpoint(os.path.join(directory, "{epoch}.weights.h5"), save_weights_only=True),
        keras.callbacks.CSVLogger(os.path.join(directory, "log.csv")),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch)),
    ]
    model = make()
    model.fit(x, y, epochs=2, verbose=0, callbacks=files)
    assert sorted(os.listdir(directory)) == ["1.weights.h5", "2.weights.h5", "log.csv"] and seen == [0, 1]
    restored = make()
    restored.load_weights(os.path.join(directory, "2.weights.h5"))
    assert np.allclose(restored.predict(x, verbose=0), model.predict(x, verbose=0))
print("callbacks")
