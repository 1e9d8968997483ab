"""tf.keras.utils: classes as vectors, sequences of one length, seeds, batches by number."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfcli.engine.ops.random import set_seed
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError, SpecError
from tfcli.keras.backend import clear_session
from tfcli.models.batches import PyDataset, pack_x_y_sample_weight, unpack_x_y_sample_weight
from tfcli.models.custom import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)

_IN_DIRECTORIES = (
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
)
__all__ = [
    *_IN_DIRECTORIES,
    "PyDataset",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    if name == "Sequence":  # Keras 2's name of PyDataset; not assigned, as annotations here mean the other one
        return PyDataset
    if name in _IN_DIRECTORIES:
        from tfcli.keras import directories

        return getattr(directories, name)
    raise AttributeError(f"tf.keras.utils has no {name!r}; there are: {', '.join(__all__)}")


def set_random_seed(seed: int) -> None:
    """Seed Python's, numpy's and our own random numbers: initial weights, shuffles, dropout repeat."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    set_seed(seed)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers (...) -> one-hot vectors (..., num_classes); a last axis of size 1 goes. Raises DataError."""
    labels = np.asarray(x.array if isinstance(x, Tensor) else x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = num_classes or (int(labels.max()) + 1 if labels.size else 0)
    if labels.size and not 0 <= labels.min() <= labels.max() < count:
        raise DataError(f"to_categorical: classes from {labels.min()} to {labels.max()}; expected 0 to {count - 1}")
    return np.eye(count, dtype=np.float32)[labels]


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """x divided by its norm along `axis`; where that is 0, x stays."""
    array = np.asarray(x)
    norms = np.atleast_1d(np.linalg.norm(array, order, axis, keepdims=True))
    return array / np.where(norms == 0, 1, norms)


def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: Literal["pre", "post"] = "pre",
    truncating: Literal["pre", "post"] = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences as rows of one length, (N, maxlen, ...), filled up with `value` or cut. Raises DataError."""
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise DataError(f"pad_sequences: {name} must be 'pre' or 'post', got {given!r}")
    rows = [np.asarray(row) for row in sequences]
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    inner = next((row.shape[1:] for row in rows if len(row)), ())
    result = np.full((len(rows), length, *inner), value, dtype)
    for i, row in enumerate(rows):
        kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        if len(kept) and padding == "pre":
            result[i, -len(kept) :] = kept
        elif len(kept):
            result[i, : len(kept)] = kept
    return result


def plot_model(
    model: Any,
    to_file: str | Path = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: Literal["TB"] = "TB",
    expand_nested: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> None:
    """Draw a Sequential or functional model, a box for each layer, as `.png` or `.svg`.

    Drawings go from top to bottom, and show nested models as one box. Raises SpecError for another suffix, another
    `rankdir`, or a model that does not say how its layers are wired.
    """
    from tfcli.models.drawing import draw
    from tfcli.models.summary import model_boxes

    if rankdir != "TB" or expand_nested:
        raise SpecError("plot_model draws from top to bottom, nested models as one box: rankdir='TB' alone")
    shown = {"shape": show_shapes, "dtype": show_dtype, "activation": show_layer_activations}
    shown |= {"name": show_layer_names, "trainable": show_trainable}
    draw(model_boxes(model, {what for what, asked in shown.items() if asked}), Path(to_file))
