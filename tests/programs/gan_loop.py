"""Two networks against each other: a training step with two tapes and two optimizers."""

import numpy as np

import tfcli as tf

keras, layers = tf.keras, tf.keras.layers
keras.utils.set_random_seed(1)


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent):
        super().__init__()
        self.discriminator, self.generator, self.latent = discriminator, generator, latent
        self.d_loss = keras.metrics.Mean(name="d_loss")
        self.g_loss = keras.metrics.Mean(name="g_loss")
        self.seeds = keras.random.SeedGenerator(7)

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def compile(self, d_optimizer, g_optimizer):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, real):
        count = tf.shape(real)[0]
        noise = keras.random.normal((count, self.latent), seed=self.seeds)
        both = tf.concat([self.generator(noise), real], axis=0)
        labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights))
        noise = keras.random.normal((count, self.latent), seed=self.seeds)
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(tf.zeros((count, 1)), self.discriminator(self.generator(noise)))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


discriminator = keras.Sequential(
    [keras.Input((2,)), layers.Dense(16), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1)]
)
generator = keras.Sequential([keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(2)])
gan = GAN(discriminator, generator, latent=4)
gan.compile(keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.01))
points = np.random.default_rng(0).normal(3.0, 0.3, (320, 2)).astype("float32")
history = gan.fit(
    tf.data.Dataset.from_tensor_slices(points).shuffle(320, seed=0).batch(48), epochs=8, verbose=0
).history
assert set(history) == {"d_loss", "g_loss"} and np.isfinite(history["g_loss"]).all()
made = generator(keras.random.normal((100, 4), seed=3)).numpy().mean(0)
assert np.isfinite(made).all() and made.min() > 1, "the generator moved towards the points"
print("made", made)
