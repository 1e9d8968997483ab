"""Sequential: layers one after another."""

from collections.abc import Iterator, Sequence
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.sketch import is_sketched
from tfcli.engine.spec import Shape, as_dtype
from tfcli.errors import SpecError
from tfcli.models.functional import InputLayer, fit_input, input_dtype, make_input
from tfcli.models.layers.base import Layer
from tfcli.models.model import Model


class Sequential(Model, abstract=True):
    """Each layer reads the one before it.

    Built at once where the first says its input's shape, else by the first call.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(name=name, trainable=trainable)
        self._stack: list[Layer] = []
        self._first: Any = None
        """The symbol of the input, once its shape is known."""
        for layer in layers or ():
            self._append(layer)
        self._connect()

    def add(self, layer: Any) -> None:
        """Append a layer (or an Input, as the first). Raises SpecError."""
        self._append(layer)
        self._connect()

    def pop(self) -> Layer:
        """Take the last layer away, and return it."""
        layer = self._stack.pop()
        self._connect()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, InputLayer):
            layer = layer.output
        if is_sketched(layer):
            if self._stack or self._first is not None:
                raise SpecError("an Input comes first in a Sequential model, before all layers")
            self._first = layer
            return
        if not isinstance(layer, Layer):
            raise SpecError(f"a Sequential model is made of layers, got {type(layer).__name__}")
        if any(layer is other for other in self._stack) or layer.name in [other.name for other in self._stack]:
            raise SpecError(f"the model has a layer called `{layer.name}` already; names must differ")
        if not self._stack and self._first is None:
            self._first = _input_of(layer)
        self._stack.append(layer)

    def _connect(self) -> None:
        """Call the layers on the input's symbol, where it is known: finds shapes, and builds them."""
        self.wiring, self.built = None, False
        if self._first is None or not self._stack:
            return
        with self.in_scope(), tracing(None), recording([]):
            value = self._first
            for layer in self._stack:
                layer.calls.clear()
                value = layer(value)
        self._wire(self._first, value)

    def build(self, input_shape: Any = None) -> None:
        if self.wiring is None and isinstance(input_shape, Shape):
            self._first = make_input(batch_shape=input_shape)
            self._connect()

    def ensure_built(self, inputs: Any) -> None:
        if self.wiring is None and self._stack and not isinstance(inputs, list | tuple | dict):
            shape = Shape((None, *inputs.shape[1:]))
            self._first = make_input(batch_shape=shape, dtype=input_dtype(inputs.dtype))
            self._connect()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self.wiring is not None:
            (first,) = self.wiring.inputs
            inputs = fit_input(nest.flatten(inputs)[0], first.spec, first.node.name)
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def sublayers(self) -> Iterator[Layer]:
        yield from self._stack

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """The mask rides on the output already."""


def _input_of(layer: Layer) -> Any:
    """The symbol of the input that the first layer says it reads: a functional model's, or by `input_shape`."""
    if isinstance(layer, Model) and layer.wiring is not None and len(layer.wiring.inputs) == 1:
        spec = layer.wiring.inputs[0].spec
        return make_input(batch_shape=spec.shape, dtype=spec.dtype.name)
    if layer._batch_input_shape is None:
        return None
    return make_input(batch_shape=layer._batch_input_shape, dtype=as_dtype(layer.dtype).name)
