"""Complete little programs, as people write them for Keras."""

import numpy as np
import pytest

import tfcli as tf

keras = tf.keras
layers = keras.layers


@pytest.fixture(autouse=True)
def names_from_the_start():
    keras.backend.clear_session()


def blobs(n: int = 200, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, n)
    return (rng.normal(size=(n, size)) + 2 * kind[:, None]).astype("float32"), kind


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator, self.generator, self.latent_dim = discriminator, generator, latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def train_step(self, real):
        batch = tf.shape(real)[0]
        noise = tf.random.normal(shape=(batch, self.latent_dim))
        fake = self.generator(noise)
        both = tf.concat([fake, real], axis=0)
        labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights, strict=True))
        noise = tf.random.normal(shape=(batch, self.latent_dim))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(tf.zeros((batch, 1)), self.discriminator(self.generator(noise)))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights, strict=True))
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


def test_a_gan_with_a_training_step_of_its_own_moves_towards_the_data():
    keras.utils.set_random_seed(1)
    discriminator = keras.Sequential([keras.Input((2,)), layers.Dense(16), layers.LeakyReLU(0.2), layers.Dense(1)])
    generator = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(2)])
    gan = GAN(discriminator, generator, latent_dim=4)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(learning_rate=0.01),
        g_optimizer=keras.optimizers.Adam(learning_rate=0.01),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    real = (np.random.default_rng(0).normal(size=(256, 2)) * 0.3 + 3).astype("float32")
    before = np.abs(generator.predict(np.random.normal(size=(64, 4)), verbose=0).mean() - 3)
    history = gan.fit(real, epochs=15, batch_size=32, verbose=0)
    after = np.abs(generator.predict(np.random.normal(size=(64, 4)), verbose=0).mean() - 3)
    assert list(history.history) == ["d_loss", "g_loss"]
    assert len(history.history["d_loss"]) == 15
    assert after < before / 2


def test_two_inputs_a_shared_layer_and_two_outputs():
    x, kind = blobs()
    a, b = keras.Input(shape=(8,), name="a"), keras.Input(shape=(8,), name="b")
    shared = layers.Dense(16, activation="relu", name="shared")
    joined = layers.concatenate([shared(a), shared(b)])
    score = layers.Dense(1, name="score")(joined)
    label = layers.Dense(2, activation="softmax", name="label")(joined)
    model = keras.Model(inputs=[a, b], outputs=[score, label])
    assert model.count_params() == 8 * 16 + 16 + 33 + 66
    assert [layer.name for layer in model.layers] == ["a", "b", "shared", "concatenate", "score", "label"]
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss={"score": "mse", "label": "sparse_categorical_crossentropy"},
        loss_weights={"score": 0.5, "label": 1.0},
        metrics={"label": ["accuracy"]},
    )
    targets = {"score": kind.astype("float32"), "label": kind}
    history = model.fit({"a": x, "b": x[:, ::-1]}, targets, epochs=10, validation_split=0.2, verbose=0)
    assert set(history.history) == {
        *("loss", "score_loss", "label_loss", "label_accuracy"),
        *("val_loss", "val_score_loss", "val_label_loss", "val_label_accuracy"),
    }
    results = model.evaluate([x, x[:, ::-1]], [targets["score"], kind], verbose=0, return_dict=True)
    assert results["label_accuracy"] > 0.9
    assert np.isclose(results["loss"], 0.5 * results["score_loss"] + results["label_loss"], rtol=1e-4)
    scores, labels = model.predict([x, x], verbose=0)
    assert scores.shape == (200, 1)
    assert labels.shape == (200, 2)
    features = keras.Model(model.inputs, model.get_layer("concatenate").output)
    assert features.predict([x, x], verbose=0).shape == (200, 32)


class Linear(layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

    def call(self, inputs):
        self.add_loss(1e-3 * tf.reduce_sum(tf.square(inputs)))
        return tf.matmul(inputs, self.w) + self.b


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [Linear(8), Linear(1)]
        self.scale = tf.Variable(1.0, name="scale")

    def call(self, inputs, training=None):
        for step in self.steps:
            inputs = step(inputs)
        return inputs * self.scale * (2.0 if training else 1.0)


class Weighted(keras.losses.Loss):
    def __init__(self, factor=2.0, name="weighted"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return tf.reduce_mean(self.factor * tf.square(y_true - y_pred), axis=-1)


class Above(keras.metrics.Metric):
    def __init__(self, name="above", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign_add(tf.reduce_sum(tf.cast(y_pred > 0.0, "float32")))

    def result(self):
        return self.count


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("batch", batch, sorted(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("epoch", epoch, sorted(logs)))
        self.model.stop_training = epoch == 1


def test_layer_loss_metric_and_callback_of_ones_own():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    block = Block()
    model = keras.Sequential([block])
    recorder = Recorder()
    model.compile("adam", loss=Weighted(), metrics=[Above()])
    history = model.fit(x, y, epochs=5, batch_size=32, callbacks=[recorder], verbose=0)
    assert len(history.epoch) == 2
    assert recorder.seen[0] == "begin"
    assert recorder.seen[2] == ("batch", 1, ["above", "loss"])
    assert recorder.seen[3] == ("epoch", 0, ["above", "loss"])
    assert len(model.weights) == len(model.trainable_weights) == 5
    assert 0 < history.history["above"][0] < 64
    assert float(block.scale) != 1.0
    predicted = model(x)
    penalty = sum(float(loss) for loss in model.losses)
    expected = 2 * np.mean(np.square(y - predicted.numpy())) + penalty
    assert penalty > 0
    assert np.isclose(model.evaluate(x, y, batch_size=64, verbose=0)[0], expected, rtol=1e-4)


class MLP(keras.Model):
    def __init__(self):
        super().__init__(name="mlp")
        self.hidden = layers.Dense(8, activation="relu")
        self.dropout = layers.Dropout(0.5)
        self.out = layers.Dense(1, activation="sigmoid")

    def call(self, inputs, training=None):
        return self.out(self.dropout(self.hidden(inputs), training=training))


class Doubling(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics} | {"twice": 2.0 * loss}


def test_a_subclassed_model_in_a_loop_written_by_hand():
    x, kind = blobs()
    model, optimizer = MLP(), keras.optimizers.SGD(learning_rate=0.1)
    loss_fn, accuracy = keras.losses.BinaryCrossentropy(), keras.metrics.BinaryAccuracy()

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True)
            loss = loss_fn(y, y_pred) + sum(model.losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        accuracy.update_state(y, y_pred)
        return loss

    y = kind.astype("float32")[:, None]
    losses = [float(step(x, y)) for _ in range(60)]
    assert losses[-1] < 0.7 * losses[0]
    assert 0.5 < float(accuracy.result()) <= 1
    assert model.name == "mlp"
    assert int(optimizer.iterations) == 60
    assert np.allclose(model(x, training=False).numpy(), model(x).numpy())


def test_a_functional_model_with_a_training_step_of_its_own():
    x, kind = blobs()
    inputs = keras.Input(shape=(8,))
    model = Doubling(inputs, layers.Dense(1)(layers.Dense(4, activation="relu")(inputs)))
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = model.fit(x, kind.astype("float32"), epochs=2, verbose=0)
    assert list(history.history) == ["loss", "mae", "twice"]
    assert set(model.evaluate(x, kind.astype("float32"), verbose=0, return_dict=True)) == {"loss", "mae"}


def test_an_autoencoder_of_nested_models():
    x, _ = blobs()
    encoder = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)], name="encoder")
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(8)], name="decoder")
    inputs = keras.Input((8,))
    model = keras.Model(inputs, decoder(encoder(inputs)), name="autoencoder")
    model.compile("adam", "mse")
    losses = model.fit(x, x, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.get_layer("encoder").predict(x, verbose=0).shape == (200, 2)
    encoder.trainable = False
    assert len(model.trainable_weights) == 2
    assert encoder.layers[0].trainable is False
