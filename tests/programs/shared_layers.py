"""A functional model: two inputs through one embedding, two outputs with losses of their own, and models inside."""

import numpy as np

import tfcli as tf

keras, layers = tf.keras, tf.keras.layers
keras.utils.set_random_seed(0)
title = keras.Input(shape=(None,), name="title", dtype="int32")
body = keras.Input(shape=(None,), name="body", dtype="int32")
tags = keras.Input(shape=(12,), name="tags")
embedding = layers.Embedding(50, 8)
features = layers.concatenate(
    [layers.GlobalAveragePooling1D()(embedding(title)), layers.GlobalAveragePooling1D()(embedding(body)), tags]
)
outputs = {
    "priority": layers.Dense(1, activation="sigmoid", name="priority")(features),
    "department": layers.Dense(4, activation="softmax", name="department")(features),
}
model = keras.Model(inputs=[title, body, tags], outputs=outputs)
assert model.count_params() == 50 * 8 + (8 + 8 + 12) * 5 + 5
model.compile(
    optimizer=keras.optimizers.Adam(0.02),
    loss={"priority": "binary_crossentropy", "department": "categorical_crossentropy"},
    loss_weights={"priority": 1.0, "department": 0.2},
    metrics={"department": ["accuracy"]},
)
random = np.random.default_rng(0)
x = {
    "title": random.integers(0, 50, (128, 10)),
    "body": random.integers(0, 50, (128, 20)),
    "tags": random.integers(0, 2, (128, 12)).astype("float32"),
}
y = {"priority": x["tags"][:, :1], "department": np.eye(4)[x["tags"][:, :2].astype(int) @ [1, 2]]}
history = model.fit(x, y, epochs=15, batch_size=32, verbose=0).history
assert {"loss", "priority_loss", "department_loss", "department_accuracy"} <= set(history)
assert history["loss"][-1] < 0.6 * history["loss"][0]
predicted = model.predict(x, verbose=0)
assert predicted["priority"].shape == (128, 1) and np.allclose(predicted["department"].sum(1), 1, atol=1e-5)
middle = keras.Model(model.input, features)
assert middle(x).shape == (128, 28)
inner_input = keras.Input((28,))
inner = keras.Model(inner_input, layers.Dense(3, use_bias=False)(inner_input), name="inner")
outer = keras.Model(model.input, inner(features) + inner(features))
assert outer(x).shape == (128, 3) and len(inner.weights) == 1
assert keras.models.clone_model(inner).count_params() == 84
print("loss", history["loss"][-1])
