"""tf.keras.initializers: how weights begin."""

from typing import Any

from tfcli.keras.names import classes_of, getter, missing, serialize
from tfcli.models.initializers import Initializer

get = deserialize = getter(Initializer)

__all__ = ["deserialize", "get", "serialize"]


def __getattr__(name: str) -> Any:
    classes = classes_of(Initializer)
    name = _ALIASES.get(name, name)
    if name not in classes:
        raise missing("tf.keras.initializers", name, classes)
    return classes[name]


def __dir__() -> list[str]:
    return sorted([*classes_of(Initializer), *_ALIASES, *__all__])


_ALIASES = {
    "IdentityInitializer": "Identity",
    "constant": "Constant",
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "identity": "Identity",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "ones": "Ones",
    "orthogonal": "Orthogonal",
    "random_normal": "RandomNormal",
    "random_uniform": "RandomUniform",
    "truncated_normal": "TruncatedNormal",
    "variance_scaling": "VarianceScaling",
    "zeros": "Zeros",
}
