"""Preset: a known architecture with a few parameters, written out as the layers of a spec."""

from typing import Any

from tfcli.declare import Declared

Node = dict[str, Any]
"""A layer in spec form."""


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
