"""A little deep Q-learning: a replay buffer in a variable, a target network, one-hot actions, a traced step."""

import numpy as np

import tfcli as tf

keras = tf.keras
keras.utils.set_random_seed(3)
random = np.random.default_rng(0)
STATES, ACTIONS, GOAL = 6, 2, 5


def network():
    return keras.Sequential(
        [keras.Input((STATES,)), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(ACTIONS)]
    )


online, target = network(), network()
target.set_weights(online.get_weights())
optimizer, huber = keras.optimizers.Adam(0.01), keras.losses.Huber()
buffer = tf.Variable(tf.zeros([512, 4], tf.int32), trainable=False)


@tf.function
def remember(place, item):
    buffer[place].assign(item)


@tf.function
def learn(batch):
    state, action, next_state, reward = tf.unstack(batch, axis=1)
    future = tf.reduce_max(target(tf.one_hot(next_state, STATES)), axis=1)
    wanted = tf.cast(reward, tf.float32) + tf.where(next_state == GOAL, 0.0, 0.9 * future)
    mask = tf.one_hot(action, ACTIONS)
    with tf.GradientTape() as tape:
        values = tf.reduce_sum(online(tf.one_hot(state, STATES)) * mask, axis=1)
        loss = huber(wanted, values)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply_gradients(zip(gradients, online.trainable_variables))
    return loss


for i in range(240):
    state, action = int(random.integers(0, STATES - 1)), int(random.integers(0, ACTIONS))
    after = max(state - 1, 0) if action == 0 else state + 1
    remember(tf.constant(i % 512), tf.constant([state, action, after, int(after == GOAL)]))
for i in range(150):
    rows = tf.random.uniform([32], 0, 240, dtype=tf.int32)
    learn(tf.gather(buffer, rows))
    if i % 10 == 0:
        target.set_weights(online.get_weights())
values = online(tf.eye(STATES)).numpy()[: STATES - 1]
assert (values[2:].argmax(1) == 1).all(), values
assert abs(values[GOAL - 1, 1] - 1) < 0.2 and values[0, 1] < values[GOAL - 1, 1]
print("values", values.max(1))
