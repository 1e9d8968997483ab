"""Records in `fixtures.npz` what Keras computes for the cases of the tables. Run with a Python that has Keras 3 on TensorFlow.

    python tests/models/layers/make_fixtures.py

What TensorFlow has in float64 is computed in it, and kept in float32. For a case `c` there are `c/output`, `c/gradient` (of the sum of the outputs, each
times its `pattern`, in the inputs), `c/state` (the weights that are not trained, after a training call); `facts` has, as JSON, for
each case the shapes of the outputs and the name and shape of each weight.
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import table_core
import table_sequence
import tensorflow as tf
from layer_cases import Case, inputs_of, masks_of, pattern, weight_of

CLASSES = {name.replace("_", "").lower(): getattr(keras.layers, name) for name in dir(keras.layers)}


def to_keras(value: Any) -> Any:
    """Layers for mappings that name one, tuples for lists."""
    if isinstance(value, dict) and value.get("type", "").replace("_", "") in CLASSES:
        fields = {name: to_keras(v) for name, v in value.items() if name != "type"}
        return CLASSES[value["type"].replace("_", "")](**fields)
    if isinstance(value, list):
        return tuple(to_keras(v) for v in value)
    return value


def make_layer(case: Case) -> keras.layers.Layer:
    fields = {name: to_keras(value) for name, value in (case.spec | case.keras_fields).items() if name != "type"}
    return CLASSES[case.type_name.replace("_", "")](
        **{name: value for name, value in fields.items() if name not in case.keras_fields or value is not None}
    )


def call(layer: keras.layers.Layer, case: Case, tensors: list[Any], **options: Any) -> list[Any]:
    outputs = layer(tensors if len(tensors) > 1 else tensors[0], **case.keras_call, **options)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def record(name: str, case: Case) -> tuple[dict[str, np.ndarray], list[Any]]:
    """The arrays of a case, and its weights' names and shapes."""
    keras.config.set_floatx(case.keras_precision)
    keras.config.set_dtype_policy(case.keras_precision)
    layer, masks = make_layer(case), masks_of(case)
    arrays = [a.astype(case.keras_precision) if a.dtype.kind == "f" else a for a in inputs_of(case)]
    options: dict[str, Any] = {}
    if masks is not None:
        options["mask"] = [tf.constant(m) for m in masks] if len(masks) > 1 else tf.constant(masks[0])
    if "training" in layer.call.__code__.co_varnames:
        options["training"] = case.training
    call(layer, case, [tf.constant(a) for a in arrays], **options)
    layer.set_weights([weight_of(w.name, w.shape, i) for i, w in enumerate(layer.weights)])
    tensors = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch([t for t in tensors if t.dtype.is_floating])
        outputs = call(layer, case, tensors, **options)
        total = sum(
            tf.reduce_sum(y * pattern(tuple(y.shape), 20.0 + i).astype(y.dtype.name)) for i, y in enumerate(outputs)
        )
    kept = {f"{name}/output": outputs}
    if case.integers is None and case.gradient:
        kept[f"{name}/gradient"] = tape.gradient(total, tensors, unconnected_gradients="zero")
    if case.training and layer.non_trainable_weights:
        kept[f"{name}/state"] = [w for w in layer.weights if not w.trainable and "seed" not in w.path]
    flat = {key: np.concatenate([np.ravel(v) for v in values]).astype(np.float32) for key, values in kept.items()}
    shapes = [[int(d) for d in y.shape] for y in outputs]
    return flat, [shapes, [[w.name, list(w.shape)] for w in layer.weights if "seed" not in w.path]]


def main() -> None:
    arrays, facts = {}, {}
    for table in (table_core.CASES, table_sequence.CASES):
        for type_name, cases in table.items():
            for i, case in enumerate(cases):
                if case.keras:
                    name = f"{type_name}-{i}"
                    recorded, facts[name] = record(name, case)
                    arrays |= recorded
    path = Path(__file__).with_name("fixtures.npz")
    np.savez_compressed(path, facts=np.array(json.dumps(facts, separators=(",", ":"))), **arrays)
    print(f"{len(facts)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
