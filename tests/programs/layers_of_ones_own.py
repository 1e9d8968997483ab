"""Layers by subclassing: weights made by shape, losses and metrics inside, configurations, freezing."""

import numpy as np

import tfcli as tf

keras, layers = tf.keras, tf.keras.layers


class Linear(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return tf.matmul(inputs, self.w) + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


layer = Linear(4, name="first")
assert layer.weights == [] and layer(tf.ones((2, 3))).numpy().tolist() == [[3.0] * 4] * 2
assert [w.name for w in layer.weights] == ["w", "b"]
assert Linear.from_config(layer.get_config()).units == 4 and layer.get_config()["name"] == "first"


class Total(layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.total = self.add_weight(shape=(size,), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.total.assign_add(tf.reduce_sum(inputs, axis=0))
        return self.total


total = Total(2)
total(tf.ones((2, 2)))
assert total(tf.ones((2, 2))).numpy().tolist() == [4, 4] and total.trainable_weights == []


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = [Linear(3), Linear(1)]
        self.mean = keras.metrics.Mean(name="mean_output")

    def call(self, inputs, training=None):
        for part in self.parts:
            inputs = tf.nn.relu(part(inputs))
        self.add_loss(0.1 * tf.reduce_mean(inputs))
        self.mean.update_state(inputs)
        return inputs if training else inputs * 1.0


block = Block()
assert float(block(tf.ones((2, 2)))[0, 0]) == 6 and len(block.weights) == 4
block(tf.ones((2, 2)))
assert len(block.losses) == 1 and abs(float(block.losses[0]) - 0.6) < 1e-6
inputs = keras.Input((2,))
model = keras.Model(inputs, layers.Dense(1, kernel_initializer="ones")(Block()(inputs)))
model.compile("sgd", "mse")
history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history
assert abs(history["loss"][0] - 25.6) < 1e-4 and abs(history["mean_output"][0] - 6) < 1e-5
model.layers[1].trainable = False
assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 4
before = [w.numpy() for w in model.weights]
model.compile("sgd", "mse")
model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
changed = [not np.array_equal(a, w) for a, w in zip(before, model.weights)]
assert changed == [False] * 4 + [True] * 2, "frozen layers stay as they are"
try:
    layer(tf.ones((2, 5)))
except (ValueError, tf.errors.InvalidArgumentError):
    print("layers")
else:
    raise AssertionError("another number of features does not fit")
