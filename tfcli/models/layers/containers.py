"""Stacks of layers inside a spec's layer list: `block` and `residual`."""

from tfcli.declare import FieldError, PositiveInt
from tfcli.models.layers.base import Layer


class Block(Layer):
    """A stack of layers, repeated with its own weights each time."""

    layers: list[Layer]
    "The stack; a layer reads the one before it, and may name layers of the stack or around it in `inputs`."
    repeat: PositiveInt | None = None
    "How many times; with it, weights are called `blocks/0/…`, `blocks/1/…`."

    def check(self) -> None:
        if not self.layers:
            raise FieldError("layers", f"a {self.type_name} without layers does nothing", "list at least one layer")
        if self.given_dtype is not None:
            raise FieldError("dtype", f"a {self.type_name} computes nothing itself", "give its layers a `dtype`")


class Residual(Block):
    """x + layers(x), repeated with its own weights each time."""
