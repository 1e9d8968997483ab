"""tf.keras.layers: the layers, and those that join several inputs as functions (`concatenate([a, b])`)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.functional import InputLayer
from tfcli.models.functional import make_input as Input
from tfcli.models.layers.base import Layer

get = deserialize = getter(Layer)

__all__ = ["Input", "InputLayer", "InputSpec", "deserialize", "get", "serialize"]

_SHORT = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalAvgPool3D": "GlobalAveragePooling3D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalMaxPool3D": "GlobalMaxPooling3D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
}
_JOINING = ["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"]


@dataclass(frozen=True)
class InputSpec:
    """What a layer of the user's own says of its input; kept on the layer as `input_spec`."""

    dtype: Any = None
    shape: Any = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: Any = None


def _joining(cls: type[Layer]) -> Callable[..., Any]:
    def join(inputs: Any, *settings: Any, **named: Any) -> Any:
        return cls(*settings, **named)(inputs)

    join.__name__ = join.__qualname__ = cls.type_name
    join.__doc__ = cls.__doc__
    return join


def __getattr__(name: str) -> Any:
    classes = classes_of(Layer)
    found = classes.get(_SHORT.get(name, name))
    if found is not None:
        return found
    if name.capitalize() in _JOINING and name.islower():
        value = globals()[name] = _joining(classes[name.capitalize()])  # type: ignore[arg-type]
        return value
    raise missing("tf.keras.layers", name, [*classes, *_SHORT])


def __dir__() -> list[str]:
    return sorted([*classes_of(Layer), *_SHORT, *map(str.lower, _JOINING), *__all__])
