"""A variational autoencoder: layers in layers, a sampling layer with sizes known at run time, and an added loss."""

import numpy as np

import tfcli as tf

keras, layers = tf.keras, tf.keras.layers
keras.utils.set_random_seed(2)


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_variance = inputs
        noise = tf.random.normal(shape=(tf.shape(mean)[0], tf.shape(mean)[1]))
        return mean + tf.exp(0.5 * log_variance) * noise


class Encoder(layers.Layer):
    def __init__(self, latent, **kwargs):
        super().__init__(**kwargs)
        self.project = layers.Dense(16, activation="relu")
        self.mean, self.log_variance = layers.Dense(latent), layers.Dense(latent)
        self.sampling = Sampling()

    def call(self, inputs):
        x = self.project(inputs)
        mean, log_variance = self.mean(x), self.log_variance(x)
        return mean, log_variance, self.sampling((mean, log_variance))


class VAE(keras.Model):
    def __init__(self, size, latent=2, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Encoder(latent, name="encoder")
        self.decoder = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(size)], name="decoder")

    def call(self, inputs):
        mean, log_variance, z = self.encoder(inputs)
        self.add_loss(-0.0005 * tf.reduce_mean(log_variance - tf.square(mean) - tf.exp(log_variance) + 1))
        return self.decoder(z)


random = np.random.default_rng(0)
x = (random.normal(size=(256, 2)) @ random.normal(size=(2, 8))).astype("float32")
model = VAE(8)
model.compile(keras.optimizers.Adam(0.01), loss="mse")
history = model.fit(x, x, epochs=20, batch_size=32, verbose=0).history
assert history["loss"][-1] < 0.3 * history["loss"][0]
assert len(model.losses) == 1 and model.predict(x, verbose=0).shape == (256, 8)
assert {w.path.split("/")[1] for w in model.weights} == {"encoder", "decoder"}

by_hand = VAE(8)
optimizer, mean = keras.optimizers.Adam(0.01), keras.metrics.Mean()
mse = keras.losses.MeanSquaredError()
for epoch in range(3):
    mean.reset_state()
    for batch in tf.data.Dataset.from_tensor_slices(x).batch(64):
        with tf.GradientTape() as tape:
            loss = mse(batch, by_hand(batch)) + sum(by_hand.losses)
        gradients = tape.gradient(loss, by_hand.trainable_weights)
        optimizer.apply_gradients(zip(gradients, by_hand.trainable_weights))
        mean(loss)
assert np.isfinite(float(mean.result())) and int(optimizer.iterations) == 12
print("loss", history["loss"][-1])
