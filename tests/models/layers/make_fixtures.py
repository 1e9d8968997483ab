"""Records in `fixtures.npz` what Keras computes for the cases of the tables. Needs Keras 3 on TensorFlow.

    python tests/models/layers/make_fixtures.py

STFTSpectrogram also needs SciPy.

What TensorFlow has in float64 is computed in it, and kept in float32. `values` holds one part after the other. `facts`,
as JSON, has for each case the shapes of its outputs, the name and shape of each weight, and the size of each part:
`output`; `gradient`, that of the sum of the outputs, each times its `pattern`, in the inputs; `state`, the weights that
are not trained, after a training call; `mask`, that of the first output. `signatures`, as JSON, has the names and
defaults of each class's arguments.
"""

import inspect
import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import table_core
import table_features
import table_preprocessing
import table_sequence
import tensorflow as tf
from layer_cases import Case, as_input, inputs_of, masks_of, pattern, weight_of

CLASSES = {name.lower(): cls for name, cls in vars(keras.layers).items() if isinstance(cls, type)}


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
    given = [tensors if len(tensors) > 1 else tensors[0]]
    if (
        "value" in layer.call.__code__.co_varnames[:3]
    ):  # attention with heads: (query, value, key), masks on the tensors
        options.pop("mask", None)
        for tensor, mask in zip(tensors, masks_of(case) or [], strict=False):
            tensor._keras_mask = tf.constant(mask)
        given = tensors * 2 if len(tensors) == 1 else tensors
    return tf.nest.flatten(layer(*given, **case.keras_call, **options))


def tensors_of(arrays: list[np.ndarray], masks: list[np.ndarray] | None) -> list[Any]:
    """The inputs, each with its mask, as it would come from the layer before."""
    tensors = [tf.constant(a) for a in arrays]
    for tensor, mask in zip(tensors, masks or [], strict=False):
        tensor._keras_mask = tf.constant(mask)
    return tensors


def record(case: Case) -> tuple[np.ndarray, dict[str, Any]]:
    """The numbers of a case, one part after the other, and its facts."""
    keras.config.set_floatx(case.keras_precision)
    keras.config.set_dtype_policy(case.keras_precision)
    layer, masks = make_layer(case), masks_of(case)
    arrays = [a.astype(case.keras_precision) if a.dtype.kind == "f" else a for a in inputs_of(case)]
    options = {"training": case.training} if "training" in layer.call.__code__.co_varnames else {}
    if case.learn is not None:
        layer.adapt(as_input(case.learn))
    call(layer, case, tensors_of(arrays, masks), **options)
    if case.learn is None:
        layer.set_weights([weight_of(w.name, w.shape, i) for i, w in enumerate(layer.weights)])
    tensors = tensors_of(arrays, masks)
    with tf.GradientTape() as tape:
        tape.watch([t for t in tensors if t.dtype.is_floating])
        outputs = call(layer, case, tensors, **options)
        patterns = [pattern(tuple(y.shape), 20.0 + i).astype(y.dtype.name) for i, y in enumerate(outputs)]
        total = sum(tf.reduce_sum(y * p) for y, p in zip(outputs, patterns, strict=True))
    parts = {"output": outputs}
    if case.integers is None and case.gradient:
        parts["gradient"] = tape.gradient(total, tensors, unconnected_gradients="zero")
    if case.training and layer.non_trainable_weights:
        parts["state"] = layer.non_trainable_weights
    if getattr(outputs[0], "_keras_mask", None) is not None:
        parts["mask"] = [outputs[0]._keras_mask]
    flat = [np.concatenate([np.ravel(v) for v in values]).astype(np.float32) for values in parts.values()]
    facts = {
        "outputs": [[int(d) for d in y.shape] for y in outputs],
        "weights": [[w.name, list(w.shape)] for w in layer.weights],
        "parts": {part: len(values) for part, values in zip(parts, flat, strict=True)},
    }
    return np.concatenate(flat), facts


def signature(type_name: str) -> dict[str, Any]:
    """The arguments of a class, with their defaults where these are plain values."""
    found = inspect.signature(CLASSES[type_name.replace("_", "")].__init__).parameters.values()
    return {
        p.name: p.default if isinstance(p.default, PLAIN) else "?" for p in list(found)[1:] if p.kind != p.VAR_KEYWORD
    }


PLAIN = (bool, int, float, str, type(None))


def main() -> None:
    values, facts, signatures = [], {}, {}
    for table in (table_core.CASES, table_features.CASES, table_preprocessing.CASES, table_sequence.CASES):
        for type_name, cases in table.items():
            if type_name.replace("_", "") in CLASSES:
                signatures[type_name] = signature(type_name)
            for i, case in enumerate(cases):
                if case.keras:
                    name = f"{type_name}-{i}"
                    recorded, facts[name] = record(case)
                    values.append(recorded)
    path = Path(__file__).with_name("fixtures.npz")
    texts = {"facts": facts, "signatures": signatures}
    encoded = {name: np.array(json.dumps(text, separators=(",", ":"))) for name, text in texts.items()}
    np.savez_compressed(path, values=np.concatenate(values), **encoded)
    print(f"{len(facts)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
