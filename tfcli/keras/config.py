"""tf.keras.config: the working precision and small constants."""

from typing import Any

from tfcli.engine.spec import as_dtype
from tfcli.errors import SpecError
from tfcli.models.layers.base import settings
from tfcli.models.losses.base import EPSILON

__all__ = ["backend", "epsilon", "floatx", "image_data_format", "set_floatx"]


def floatx() -> str:
    """What layers compute in unless they have a `dtype` of their own."""
    return settings.floatx


def set_floatx(value: str) -> None:
    """Raises SpecError unless it is float32 or float64."""
    if value not in ("float32", "float64"):
        raise SpecError(f"the working precision can be 'float32' or 'float64', got {value!r}")
    settings.floatx = as_dtype(value).name


def epsilon() -> float:
    """The guard of losses and metrics against division by zero."""
    return EPSILON


def image_data_format() -> str:
    return "channels_last"


def backend() -> Any:
    return "tensorflow"
