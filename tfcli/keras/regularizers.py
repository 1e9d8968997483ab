"""tf.keras.regularizers: penalties on weights."""

from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.regularizers import Regularizer

get = deserialize = getter(Regularizer)

__all__ = ["deserialize", "get", "serialize"]


def __getattr__(name: str) -> Any:
    classes = classes_of(Regularizer)
    name = _ALIASES.get(name, name)
    if name not in classes:
        raise missing("tf.keras.regularizers", name, classes)
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*classes_of(Regularizer), *_ALIASES, *__all__])


_ALIASES = {"l1": "L1", "l1_l2": "L1L2", "l2": "L2", "orthogonal_regularizer": "OrthogonalRegularizer"}
