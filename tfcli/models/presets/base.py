"""Preset: a known architecture with a few parameters, written out as the layers of a spec."""

from collections.abc import Callable
from typing import Any

from tfcli.declare import Declared

Node = dict[str, Any]
"""A layer in spec form."""
EPSILON = 1.001e-5
"""Of batch normalization in the residual and dense networks of keras.applications."""


class Preset(Declared, kind="preset"):
    """Base of the presets. A subclass lists its parameters and gives its `layers()` in spec form."""

    def layers(self) -> list[Node]:
        """The layers of the model."""
        raise TypeError(f"the preset {self.type_name} has no layers method")


def node(type_name: str, **fields: Any) -> Node:
    """A layer in spec form, its type first."""
    return {"type": type_name, **fields}


def classifier(classes: int, **fields: Any) -> Node:
    """The last layer of a classifier: a probability for each class."""
    return node("dense", name="head", units=classes, activation="softmax", **fields)


def large_stem(conv: Callable[..., list[Node]], filters: int) -> list[Node]:
    """What large images go through first: a convolution 7 by 7 and a pooling, both in steps of two.

    `conv(name, filters, size, stride, padding=…)` gives a convolution with what follows it.
    """
    return [
        node("zero_padding2d", name="stem_padding", padding=3),
        *conv("stem", filters, 7, 2, padding="valid"),
        node("zero_padding2d", name="stem_pool_padding", padding=1),
        node("max_pooling2d", name="stem_pool", pool_size=3, strides=2),
    ]
