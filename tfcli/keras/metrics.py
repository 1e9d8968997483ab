"""tf.keras.metrics: the classes, the losses as functions, and how often predictions are right."""

from typing import Any

from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.reduce import argmax
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.keras import losses
from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.metrics import MeanMetricWrapper, Metric

get = deserialize = getter(Metric)

__all__ = [
    "MeanMetricWrapper",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "serialize",
    "sparse_categorical_accuracy",
]


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """1 where y_pred is on the side of the threshold that y_true says, else 0; means over the last axis."""
    from tfcli.engine.ops.reduce import reduce_mean

    y_pred = convert_to_tensor(y_pred)
    sides = cast(y_pred > threshold, y_pred.dtype)
    return reduce_mean(cast(equal(cast(y_true, y_pred.dtype), sides), y_pred.dtype), axis=-1)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest entries of y_true and y_pred (..., C) stand in the same place, else 0."""
    return sparse_categorical_accuracy(argmax(convert_to_tensor(y_true), axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest entry of y_pred (..., C) is that of the class y_true, else 0."""
    from tfcli.engine.ops.shape import squeeze

    y_true, y_pred = convert_to_tensor(y_true), convert_to_tensor(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    return cast(equal(cast(y_true, "int64"), cast(argmax(y_pred, axis=-1), "int64")), y_pred.dtype)


def __getattr__(name: str) -> Any:
    classes = classes_of(Metric)
    if name in classes:
        return classes[name]
    if name.startswith("_") or not hasattr(losses, name):
        raise missing("tf.keras.metrics", name, classes)
    return getattr(losses, name)


def __dir__() -> list[str]:
    return sorted([*classes_of(Metric), *__all__])
