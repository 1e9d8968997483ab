"""tf.keras: the layers, losses, metrics, optimizers and models under Keras's names. Loaded when they are first used."""

from importlib import import_module
from typing import Any

_MODULES = [
    *("activations", "backend", "callbacks", "config", "constraints", "datasets", "initializers", "layers", "losses"),
    *(
        "metrics",
        "mixed_precision",
        "models",
        "ops",
        "optimizers",
        "preprocessing",
        "random",
        "regularizers",
        "saving",
        "utils",
    ),
]
_NAMES = {
    "Model": "models.model:Model",
    "Sequential": "models.sequential:Sequential",
    "Input": "models.functional:make_input",
    "InputSpec": "keras.layers:InputSpec",
    "Layer": "models.layers.base:Layer",
    "Loss": "models.losses:Loss",
    "Metric": "models.metrics:Metric",
    "Optimizer": "models.optimizers:Optimizer",
    "Initializer": "models.initializers:Initializer",
    "Regularizer": "models.regularizers:Regularizer",
    "Variable": "engine.tensor:Variable",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"tfcli.keras.{name}")
    if name not in _NAMES:
        raise AttributeError(f"tf.keras has no {name!r}; there are: {', '.join(__dir__())}")
    module, _, own = _NAMES[name].partition(":")
    value = globals()[name] = getattr(import_module(f"tfcli.{module}"), own)
    return value


def __dir__() -> list[str]:
    return sorted([*_MODULES, *_NAMES])
