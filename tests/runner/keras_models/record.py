"""Saves small models with Keras 3, and what they predict: `python record.py`, where Keras is installed.

Each NAME.keras has the inputs and outputs of the model in NAME.npz; the archives are compressed, since most of an HDF5
file is padding. Those in `refused` have no counterpart in a spec.
"""

import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import Input, Model, Sequential
from keras import layers as L

HERE = Path(__file__).parent
RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


def save(name, model, *inputs, folder=HERE):
    for weight in model.weights:
        if str(weight.dtype) == "float32" and "normalization/" not in weight.path.replace("batch_normalization", ""):
            value = RNG.normal(size=weight.shape) * 0.4
            weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    path = folder / f"{name}.keras"
    model.save(path)
    compress(path)
    outputs = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False) if inputs else []
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    if inputs:
        arrays = {f"x{i}": x for i, x in enumerate(inputs)} | {f"y{i}": np.asarray(y) for i, y in enumerate(outputs)}
        np.savez_compressed(path.with_suffix(".npz"), **arrays)


def compress(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def images():
    model = Sequential(
        [
            Input((8, 8, 3)),
            L.Rescaling(0.5, offset=0.1),
            L.ZeroPadding2D(1),
            L.Conv2D(4, 3, strides=2, padding="same", activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.DepthwiseConv2D(3, padding="same", trainable=False),
            L.LeakyReLU(),
            L.SeparableConv2D(5, 2),
            L.PReLU(shared_axes=[1, 2]),
            L.MaxPooling2D(),
            L.Conv2DTranspose(3, 2, strides=2),
            L.SpatialDropout2D(0.2),
            L.GlobalAveragePooling2D(),
            L.Dense(3, activation="softmax", kernel_initializer=keras.initializers.HeNormal()),
        ]
    )
    metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2)]
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=metrics)
    save("images", model, floats(4, 8, 8, 3))


def nested():
    """Models inside a model, masks from an embedding and a masking layer."""
    x = Input((5,), name="x", dtype="int32")
    h = L.LSTM(3, return_sequences=True)(L.Embedding(10, 4, mask_zero=True)(x))
    h = L.GRU(3)(L.Masking(0.5)(h))
    a = L.Dense(3)(h)
    b = L.Dense(3)(a)
    inside = Input((3,))
    inner = Model(inside, L.Dense(4, name="dense")(inside) + 1.0, name="inner")
    stack = Sequential([L.Dense(4), L.BatchNormalization(), L.Dropout(0.5)], name="stack")
    save(
        "nested", Model(x, L.Concatenate()([inner(a), stack(b, training=False)])), RNG.integers(0, 10, (4, 5), "int32")
    )


def branched():
    """Layers made in another order than they are called in."""
    x = Input((4,))
    u0, u1, u2, late = (L.Dense(3) for _ in range(4))
    h, first = u0(x), late(x)
    join = L.Add()([first, u2(u1(h))])
    save("branched", Model(x, L.Dense(2)(L.BatchNormalization()(join))), floats(4, 4))


def attention():
    """Two inputs and two outputs, compiled with a loss for each."""
    q, v = Input((5, 8), name="q"), Input((6, 8), name="v")
    h = L.LayerNormalization()(L.MultiHeadAttention(2, 4, value_dim=3)(q, v) + q)
    h = L.Attention()([L.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True), v])
    g = L.AdditiveAttention()([h, v, v])
    pool = L.GlobalMaxPooling1D(name="pool")(L.GroupQueryAttention(4, 4, 2)(g, g))
    model = Model([q, v], [pool, L.Dense(1, activation="sigmoid", name="cls")(L.Flatten()(h))])
    losses = {"pool": "mse", "cls": keras.losses.BinaryCrossentropy(label_smoothing=0.1)}
    model.compile("adam", losses, loss_weights={"pool": 0.5, "cls": 1.0}, metrics={"cls": ["accuracy"]})
    save("attention", model, floats(3, 5, 8), floats(3, 6, 8))


def recurrent():
    stacked = [L.LSTMCell(3), L.GRUCell(2, reset_after=False), L.LSTMCell(2)]
    model = Sequential(
        [
            Input((6, 3)),
            L.Bidirectional(L.LSTM(4, return_sequences=True)),
            L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum"),
            L.TimeDistributed(L.Dense(3, activation="tanh")),
            L.RNN(stacked, return_sequences=True),
            L.SimpleRNN(4, go_backwards=True),
            L.RepeatVector(3),
            L.Conv1D(2, 2, padding="causal"),
            L.GroupNormalization(2),
            L.UnitNormalization(),
            L.Permute((2, 1)),
            L.Reshape((-1,)),
            L.GaussianNoise(0.1),
            L.Activation("gelu"),
            L.ELU(),
            L.SpectralNormalization(L.Dense(3)),
            L.EinsumDense("ab,bc->ac", 4, bias_axes="c"),
            L.Dense(2, kernel_constraint="max_norm", activity_regularizer="l1"),
        ]
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    model.compile(keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True), "huber")
    save("recurrent", model, floats(3, 6, 3))


def operators():
    """Operations on tensors instead of layers."""
    x = Input((4, 4))
    y = keras.ops.concatenate([keras.ops.relu(x), x], axis=1)
    y = 1 - keras.ops.softmax(keras.ops.reshape(y, (-1, 32))) / 2.0
    save("operators", Model(x, L.Dense(2)(keras.activations.gelu(y) * 3 - 1)), floats(3, 4, 4))


def dictionaries():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], {"s": L.Dense(2)(a - b), "m": L.Multiply()([a, b])})
    model.compile("rmsprop", {"s": "mae"})
    save("dictionaries", model, floats(3, 3), floats(3, 3))


def reused():
    """A layer without weights that is called twice; a nested model whose one output nothing reads."""
    x, inside = Input((6,)), Input((6,))
    relu = L.ReLU()
    two = Model(inside, [L.Dense(2)(inside), L.Dense(3)(inside)], name="two")
    save("reused", Model(x, L.Add()([relu(two(x)[1]), relu(L.Dense(3)(x))])), floats(3, 6))


def films():
    model = Sequential(
        [
            Input((4, 6, 6, 2)),
            L.ConvLSTM2D(3, 2),
            L.UpSampling2D(2, interpolation="bilinear"),
            L.Cropping2D(1),
            L.AveragePooling2D(2, padding="same"),
            L.RMSNormalization(),
            L.Softmax(axis=1),
        ]
    )
    save("films", model, floats(2, 4, 6, 6, 2))


def normalized():
    """A layer that learned from data, and a model that was built by a shape alone."""
    normalization = L.Normalization()
    normalization.adapt(floats(20, 3) * 3 + 1)
    model = Sequential([normalization, L.Dense(2)])
    model.build((None, 3))
    save("normalized", model, floats(3, 3))


def looked_up():
    """Layers that learned from data: what they learned is beside the config, or in it."""
    lookup, bins = L.IntegerLookup(), L.Discretization(num_bins=3, output_mode="one_hot")
    lookup.adapt(np.array([3, 4, 4, 9]))
    bins.adapt(np.array([1.0, 2.0, 3.0, 4.0, 9.0]))
    ids, x = Input((2,), dtype="int64", name="ids"), Input((1,), name="x")
    words = L.Flatten()(L.Embedding(6, 2)(lookup(ids)))
    model = Model([ids, x], L.Dense(2)(L.Concatenate()([words, bins(x)])))
    save("looked_up", model, np.array([[3, 4], [7, 9]]), np.array([[1.0], [8.0]], "float32"))


class Own(L.Layer):
    def call(self, inputs):
        return inputs * 2


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def refused():
    folder = HERE / "refused"
    folder.mkdir(exist_ok=True)
    x, y = Input((6,)), Input((6, 3))
    dense = L.Dense(4)
    save("shared", Model(x, L.Add()([dense(x), dense(x * 2.0)])), folder=folder)
    _, state, _ = L.LSTM(4, return_state=True)(y)
    save("state", Model(y, L.Dense(2)(state)), folder=folder)
    save("lambda", Sequential([x, L.Lambda(lambda t: t * 2)]), folder=folder)
    save("custom_layer", Sequential([x, Own()]), folder=folder)
    save("operation", Model(y, keras.ops.cumsum(y, axis=1)), folder=folder)
    save("function", Sequential([x, L.Dense(2, activation=own_function)]), folder=folder)
    subclassed = Subclassed()
    subclassed(np.ones((1, 3), "float32"))
    save("subclassed", subclassed, folder=folder)


def own_function(x):
    return x * 2


if __name__ == "__main__":
    keras.utils.set_random_seed(3)
    for record in (
        *(
            images,
            nested,
            branched,
            attention,
            recurrent,
            operators,
            dictionaries,
            reused,
            films,
            normalized,
            looked_up,
            refused,
        ),
    ):
        record()
