"""Train a workload in Keras, as its users write it: python keras_engine.py SPEC [--epochs N].

KERAS_BACKEND says on what. Reads those parts of a spec that the workloads use. Prints `epoch 1` when the first epoch
has ended, and then one JSON line.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import yaml

WRITTEN_AS = {
    "conv2d": "Conv2D",
    "max_pooling2d": "MaxPooling2D",
    "global_average_pooling2d": "GlobalAveragePooling2D",
    "lstm": "LSTM",
    "sgd": "SGD",
    "adamw": "AdamW",
}


def class_name(name: str) -> str:
    return WRITTEN_AS.get(name) or "".join(part.title() for part in name.split("_"))


def make(module: Any, node: Any) -> Any:
    """The object that `adam` or `{type: adam, ...}` stands for."""
    settings = {"type": node} if isinstance(node, str) else dict(node)
    return getattr(module, class_name(settings.pop("type")))(**settings)


class PositionEmbedding(keras.layers.Layer):
    """x (B, T, C) plus a learned (T, C)."""

    def build(self, shape):
        self.embeddings = self.add_weight(shape=shape[1:], initializer="uniform", name="embeddings")

    def call(self, x):
        return x + self.embeddings


class Wiring:
    """Applies a spec's layers to Keras tensors; a layer with a name can be another's input."""

    def __init__(self, inputs: dict[str, Any]) -> None:
        self.named = dict(inputs)

    def through(self, nodes: list[dict[str, Any]], x: Any) -> Any:
        for node in nodes:
            x = self._one(dict(node), x)
        return x

    def _one(self, node: dict[str, Any], x: Any) -> Any:
        kind, name, wanted = node.pop("type"), node.pop("name", None), node.pop("inputs", None)
        if isinstance(wanted, list):
            x = [self.named[w] for w in wanted]
        elif wanted is not None:
            x = self.named[wanted]
        if kind == "block":
            for _ in range(node.get("repeat", 1)):
                x = self.through(node["layers"], x)
        elif kind == "residual":
            x = keras.layers.Add()([x, self.through(node["layers"], x)])
        elif kind == "position_embedding":
            x = PositionEmbedding()(x)
        elif kind == "multi_head_attention":
            causal = node.pop("use_causal_mask", False)
            x = keras.layers.MultiHeadAttention(**node)(x, x, use_causal_mask=causal)
        else:
            x = make(keras.layers, {"type": kind, **node})(x)
        if name:
            self.named[name] = x
        return x


class Clock(keras.callbacks.Callback):
    """How long each epoch takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)
        if epoch == 0:
            print("epoch 1", flush=True)


def stages(spec: dict[str, Any]) -> tuple[int, int]:
    """Size of the shuffle buffer, and of a batch."""
    found = {stage["type"]: stage for stage in spec["data"]["pipeline"]}
    return found["shuffle"]["buffer_size"], found["batch"]["batch_size"]


def model_of(spec: dict[str, Any], shape: tuple[int, ...], dtype: str) -> keras.Model:
    names = list(spec["model"].get("inputs", {"input": None}))
    x = keras.Input(shape, dtype=dtype, name=names[0])
    model = keras.Model(x, Wiring({names[0]: x}).through(spec["model"]["layers"], x))
    model.compile(
        optimizer=make(keras.optimizers, spec["optimizer"]),
        loss=make(keras.losses, spec["loss"]),
        metrics=spec.get("metrics"),
    )
    return model


def fit_arrays(spec: dict[str, Any], folder: Path, epochs: int) -> tuple[keras.Model, list[float], int]:
    source = np.load(folder / spec["data"]["train"]["source"]["path"])
    x, y = source["x"], source["y"]
    model, clock, (_, batch) = model_of(spec, x.shape[1:], str(x.dtype)), Clock(), stages(spec)
    model.fit(x, y, batch_size=batch, epochs=epochs, shuffle=True, verbose=0, callbacks=[clock])
    return model, clock.seconds, len(x)


def fit_table(spec: dict[str, Any], folder: Path, epochs: int) -> tuple[keras.Model, list[float], int]:
    """The CSV file through tf.data and Keras's preprocessing layers, run by tf.data's threads."""
    import tensorflow as tf

    path = str(folder / spec["data"]["train"]["source"]["path"])
    kinds = spec["data"]["features"]
    texts = [name for name, kind in kinds.items() if kind.startswith("string")]
    numbers = [name for name in kinds if name not in texts]
    buffer, batch = stages(spec)

    def rows(size: int, shuffled: bool) -> Any:
        return tf.data.experimental.make_csv_dataset(
            path, size, label_name="y", num_epochs=1, shuffle=shuffled, shuffle_buffer_size=buffer
        )

    lookups = {name: keras.layers.StringLookup(output_mode="one_hot") for name in texts}
    normalization = keras.layers.Normalization()
    seen = [x for x, _ in rows(10_000, shuffled=False)]
    for name, lookup in lookups.items():
        lookup.adapt(tf.concat([x[name] for x in seen], 0))
    normalization.adapt(tf.concat([stacked(x, numbers) for x in seen], 0))

    def encoded(x: Any, y: Any) -> Any:
        shown = [tf.cast(lookups[name](x[name]), tf.float32) for name in texts]
        return tf.concat([normalization(stacked(x, numbers)), *shown], 1), y

    dataset = rows(batch, shuffled=True).map(encoded, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    width = len(numbers) + sum(lookup.vocabulary_size() for lookup in lookups.values())
    model, clock = model_of(spec, (width,), "float32"), Clock()
    model.fit(dataset, epochs=epochs, verbose=0, callbacks=[clock])
    return model, clock.seconds, sum(len(x[numbers[0]]) for x in seen)


def stacked(x: Any, numbers: list[str]) -> Any:
    import tensorflow as tf

    return tf.stack([tf.cast(x[name], tf.float32) for name in numbers], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args()
    spec = yaml.safe_load(given.spec.read_text())
    keras.utils.set_random_seed(spec["seed"])
    fit = fit_table if spec["data"]["train"]["source"]["type"] == "csv" else fit_arrays
    model, seconds, examples = fit(spec, given.spec.parent, given.epochs or spec["train"]["epochs"])
    steps = -(-examples // stages(spec)[1])
    versions = f"Keras {keras.__version__}, {keras.backend.backend()}"
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        versions = f"Keras {keras.__version__}, TensorFlow {tensorflow.__version__}"
    elif keras.backend.backend() == "jax":
        import jax

        versions = f"Keras {keras.__version__}, JAX {jax.__version__}"
    line = {"version": versions, "seconds": seconds, "steps": steps, "parameters": model.count_params()}
    print(json.dumps(line | {"examples": examples}))


if __name__ == "__main__":
    main()
