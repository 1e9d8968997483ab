"""Models with training and test steps of their own, metrics and losses too."""

import numpy as np

import tfcli as tf

keras = tf.keras
keras.utils.set_random_seed(0)


class Regression(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.out = keras.layers.Dense(1)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.error = keras.metrics.MeanAbsoluteError(name="error")

    def call(self, x, training=False):
        return self.out(self.hidden(x))

    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = tf.reduce_mean(tf.square(y - predicted))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        self.error.update_state(y, predicted, sample_weight=weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y = data
        self.error.update_state(y, self(x, training=False))
        return {"error": self.error.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.error]


x = np.random.default_rng(0).random((200, 4)).astype("float32")
y = x.sum(1, keepdims=True)
model = Regression()
model.compile(optimizer=keras.optimizers.Adam(0.02))
history = model.fit(x, y, epochs=20, verbose=0, validation_data=(x, y)).history
assert set(history) == {"loss", "error", "val_error"} and history["loss"][-1] < 0.05 * history["loss"][0]
assert abs(model.evaluate(x, y, verbose=0, return_dict=True)["error"] - history["val_error"][-1]) < 1e-6


class Smoothed(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.sqrt(tf.square(y_true - y_pred) + 1.0) - 1.0, axis=-1)


class Scaled(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training)


inputs = keras.Input((4,))
twice = Scaled(inputs, keras.layers.Dense(1, kernel_initializer="zeros")(inputs))
twice.compile(optimizer="sgd", loss=Smoothed())
assert abs(twice.evaluate(x, y, verbose=0) - 2 * np.mean(np.sqrt(y**2 + 1) - 1)) < 1e-4
print("error", history["error"][-1])
