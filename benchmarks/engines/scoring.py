"""How long a trained-size model takes to answer: python scoring.py ENGINE, one of tfcli, keras, torch.

The perceptron 784-512-256-10 and the small convolutional network, at batch 1 and 1,024. Prints one JSON object: for
each way of calling and each batch size the median and the 99th percentile, in microseconds.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

CALLS = {1: 1000, 1024: 20}
"""Batch sizes, and how often each is called."""


def percentiles(call: Callable[[], Any], calls: int) -> list[float]:
    for _ in range(max(3, calls // 20)):
        call()
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return [round(float(q) * 1e6, 1) for q in np.percentile(times, [50, 99])]


def perceptron(keras: Any) -> Any:
    layers = [keras.layers.Dense(512, activation="relu"), keras.layers.Dense(256, activation="relu")]
    return keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10, activation="softmax")])


def convolutional(keras: Any) -> Any:
    kinds = keras.layers
    first = [kinds.Conv2D(32, 3, activation="relu"), kinds.MaxPooling2D(2)]
    second = [kinds.Conv2D(64, 3, activation="relu"), kinds.MaxPooling2D(2)]
    return keras.Sequential(
        [keras.Input((28, 28, 1)), *first, *second, kinds.Flatten(), kinds.Dense(10, activation="softmax")]
    )


MODELS = {"mlp": (perceptron, (784,)), "cnn": (convolutional, (28, 28, 1))}


def examples(batch: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random((batch, *shape), dtype=np.float32)


def with_tfcli(model: Any, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Through the model as Python calls it, and the compiled step alone."""
    import tfcli as tf

    traced = tf.function(lambda given: model(given, training=False)).get_concrete_function(tf.constant(x))
    return {"predict_on_batch": lambda: model.predict_on_batch(x), "traced": lambda: traced.run([x])}


def with_keras(model: Any, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    import keras

    ways = {"predict_on_batch": lambda: model.predict_on_batch(x)}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.function(lambda given: model(given, training=False))
        ways["traced"] = lambda: traced(tf.constant(x)).numpy()
    else:
        import jax

        # Copies: predict_on_batch gives its own arrays away.
        values = [
            [jax.numpy.array(v.value) for v in group]
            for group in (model.trainable_variables, model.non_trainable_variables)
        ]
        compiled = jax.jit(lambda given: model.stateless_call(*values, given, training=False)[0])
        ways["traced"] = lambda: np.asarray(compiled(x))
    return ways


def with_torch() -> dict[str, dict[int, list[float]]]:
    import torch
    from torch import nn

    dense = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10), nn.Softmax(-1)]
    first = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    images = nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(1600, 10), nn.Softmax(-1))
    found: dict[str, dict[int, list[float]]] = {}
    with torch.inference_mode():
        for name, model, shape in [("mlp", nn.Sequential(*dense), (784,)), ("cnn", images, (1, 28, 28))]:
            for batch, calls in CALLS.items():
                x = examples(batch, shape)
                timed = percentiles(lambda model=model, x=x: model(torch.from_numpy(x)).numpy(), calls)
                found.setdefault(f"{name} inference_mode", {})[batch] = timed
    return found


def with_models(keras: Any, ways_of: Callable[..., dict[str, Callable[[], Any]]]) -> dict[str, dict[int, list[float]]]:
    found: dict[str, dict[int, list[float]]] = {}
    for name, (make, shape) in MODELS.items():
        model = make(keras)
        for batch, calls in CALLS.items():
            for way, call in ways_of(model, examples(batch, shape)).items():
                found.setdefault(f"{name} {way}", {})[batch] = percentiles(call, calls)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["tfcli", "keras", "torch"])
    engine = parser.parse_args().engine
    if engine == "torch":
        found = with_torch()
    elif engine == "keras":
        import keras

        found = with_models(keras, with_keras)
    else:
        import tfcli as tf

        found = with_models(tf.keras, with_tfcli)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
