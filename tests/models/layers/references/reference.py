"""What a reference is: a plain function in numpy, written from the layer's definition, that says what it computes."""

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]
"""The weights by the names that they have within the layer, to which a reference writes those that a call changes."""

REFERENCES: dict[str, Callable[..., Any]] = {}
"""By the type of the layer: (fields, weights, *inputs) -> the output, or a tuple of outputs.

A reference may also ask for `masks`, a list with one or None for each input; for `training`; and for `draws`, what
the layer drew at random, in order, dropout as the factors that it multiplied by.
"""


def reference(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the function as the reference of the layers of these types."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        REFERENCES.update(dict.fromkeys(names, function))
        return function

    return register


def compute(spec: Mapping[str, Any], weights: Weights, inputs: list[np.ndarray], **offered: Any) -> Any:
    """What the reference of a layer makes of the inputs. `spec` is the layer's, with every default written out."""
    function = REFERENCES[spec["type"]]
    asked = {name: value for name, value in offered.items() if name in inspect.signature(function).parameters}
    return function(SimpleNamespace(**spec), weights, *inputs, **asked)


def inner(weights: Weights, prefix: str) -> Weights:
    """The weights below a prefix, such as `forward/`, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def several(value: int | list[int], count: int) -> list[int]:
    """One number for each of several axes."""
    return [value] * count if isinstance(value, int) else list(value)
