"""tf.keras.backend: the working precision, the state shared by all models, and a few functions of old programs."""

from typing import Any

import numpy as np

from tfcli.engine.ops.elementary import exp, log, sqrt
from tfcli.engine.ops.elementwise import abs_ as abs
from tfcli.engine.ops.elementwise import (
    cast,
    maximum,
    minimum,
    square,
)
from tfcli.engine.ops.elementwise import clip_by_value as clip
from tfcli.engine.ops.elementwise import pow_ as pow
from tfcli.engine.ops.elementwise import round_ as round
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.reduce import argmax
from tfcli.engine.ops.reduce import reduce_max as max
from tfcli.engine.ops.reduce import reduce_mean as mean
from tfcli.engine.ops.reduce import reduce_min as min
from tfcli.engine.ops.reduce import reduce_sum as sum
from tfcli.engine.ops.shape import expand_dims, reshape, shape, squeeze, zeros_like
from tfcli.engine.tensor import Variable
from tfcli.keras.config import epsilon, floatx, image_data_format, set_floatx
from tfcli.models.layers.base import settings

__all__ = [
    "abs",
    "argmax",
    "cast",
    "clear_session",
    "clip",
    "concat",
    "epsilon",
    "exp",
    "expand_dims",
    "flatten",
    "floatx",
    "get_value",
    "image_data_format",
    "int_shape",
    "log",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "pow",
    "reshape",
    "round",
    "set_floatx",
    "set_value",
    "shape",
    "sqrt",
    "square",
    "squeeze",
    "sum",
    "zeros_like",
]


def clear_session(free_memory: bool = True) -> None:
    """Names of layers are numbered from the beginning again. Nothing else is kept that could be freed."""
    settings.names.clear()


def get_value(x: Any) -> np.ndarray:
    return np.asarray(x)


def set_value(x: Variable, value: Any) -> None:
    x.assign(np.asarray(value, x.dtype.numpy))


def flatten(x: Any) -> Any:
    """x of any shape -> one axis."""
    return reshape(x, [-1])


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape, None for unknown sizes."""
    return tuple(x.shape)
