"""tf.keras.optimizers."""

from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.keras.optimizers import schedules
from tfcli.models.optimizers import Optimizer

get = deserialize = getter(Optimizer)

__all__ = ["deserialize", "get", "schedules", "serialize"]


def __getattr__(name: str) -> Any:
    classes = classes_of(Optimizer)
    if name not in classes:
        raise missing("tf.keras.optimizers", name, classes)
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*classes_of(Optimizer), *__all__])
