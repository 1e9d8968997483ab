"""tf.keras.config: the working precision, what layers compute in, and small constants."""

from typing import Any

from tfcli.errors import SpecError
from tfcli.models.layers.base import settings
from tfcli.models.layers.policy import Policy, as_policy
from tfcli.models.losses.base import EPSILON

__all__ = ["backend", "dtype_policy", "epsilon", "floatx", "image_data_format", "set_dtype_policy", "set_floatx"]


def floatx() -> str:
    """What layers compute in unless they have a `dtype` of their own."""
    return settings.floatx


def set_floatx(value: str) -> None:
    """Raises SpecError unless it is float32 or float64."""
    if value not in ("float32", "float64"):
        raise SpecError(f"the working precision can be 'float32' or 'float64', got {value!r}")
    settings.policy = Policy(value)


def dtype_policy() -> Policy:
    """What layers follow unless they have a `dtype` of their own."""
    return settings.policy


def set_dtype_policy(policy: Any) -> None:
    """From now on layers follow the policy: `float32`, `float64`, `mixed_bfloat16`, `mixed_float16`. Raises
    DtypeError.
    """
    settings.policy = as_policy(policy)


def epsilon() -> float:
    """The guard of losses and metrics against division by zero."""
    return EPSILON


def image_data_format() -> str:
    return "channels_last"


def backend() -> Any:
    return "tensorflow"
