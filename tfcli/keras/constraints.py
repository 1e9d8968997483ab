"""tf.keras.constraints: what weights must satisfy."""

from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.constraints import Constraint

get = deserialize = getter(Constraint)

__all__ = ["deserialize", "get", "serialize"]


def __getattr__(name: str) -> Any:
    classes = classes_of(Constraint)
    name = _ALIASES.get(name, name)
    if name not in classes:
        raise missing("tf.keras.constraints", name, classes)
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*classes_of(Constraint), *_ALIASES, *__all__])


_ALIASES = {"max_norm": "MaxNorm", "min_max_norm": "MinMaxNorm", "non_neg": "NonNeg", "unit_norm": "UnitNorm"}
