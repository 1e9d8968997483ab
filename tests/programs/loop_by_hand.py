"""A training loop written by hand: batches, a traced step, metrics, regularisation losses, a validation loop."""

import numpy as np

import tfcli as tf

keras = tf.keras
keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
centres = random.normal(size=(3, 4)).astype("float32") * 3
labels = random.integers(0, 3, 300)
points = centres[labels] + random.normal(size=(300, 4)).astype("float32")
train = tf.data.Dataset.from_tensor_slices((points[:240], labels[:240])).shuffle(240, seed=1).batch(32)
test = tf.data.Dataset.from_tensor_slices((points[240:], labels[240:])).batch(32)
model = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
        keras.layers.Dropout(0.1),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(3),
    ]
)
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.02, 20, 0.9))
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
accuracy = keras.metrics.SparseCategoricalAccuracy()
traced = []


@tf.function
def step(x, y):
    traced.append(x.shape)
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits) + tf.add_n(model.losses)
    gradients = tape.gradient(loss, model.trainable_weights)
    gradients, norm = tf.clip_by_global_norm(gradients, 5.0)
    optimizer.apply_gradients(zip(gradients, model.trainable_weights))
    accuracy.update_state(y, logits)
    return loss


losses = []
for epoch in range(6):
    accuracy.reset_state()
    losses.append(np.mean([float(step(x, y)) for x, y in train]))
assert len({tuple(shape) for shape in traced}) == 2 and len(traced) <= 3, "full batches and the last"
assert losses[-1] < losses[0] and float(accuracy.result()) > 0.8 and int(optimizer.iterations) == 48
accuracy.reset_state()
for x, y in test:
    accuracy.update_state(y, model(x, training=False))
assert float(accuracy.result()) > 0.8
forward = tf.function(lambda x: model(x, training=False))
with tf.GradientTape() as tape:
    loss = loss_fn(labels[:32], forward(points[:32]))
by_graph = tape.gradient(loss, model.trainable_weights)
with tf.GradientTape() as tape:
    loss = loss_fn(labels[:32], model(points[:32], training=False))
by_hand = tape.gradient(loss, model.trainable_weights)
assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(by_graph, by_hand))
print("accuracy", float(accuracy.result()))
