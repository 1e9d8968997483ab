"""Layers called on symbols: what functional models are put together from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.ir import Graph
from tfcli.engine.graph.sketch import SKETCH, is_sketched
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tensor import Symbol, Tensor
from tfcli.errors import TfcliError


@dataclass(frozen=True)
class Slot:
    """The place of a node's input among the arguments."""

    position: int


class LayerCall:
    """The `op` of a node of a model's graph: the layer, and how it was called."""

    def __init__(self, layer: Any, arguments: Any) -> None:
        self.layer, self.arguments = layer, arguments
        self.name = layer.name
        self.inputs: Any = None
        """The symbols that the layer was called on, as it was."""
        self.outputs: Any = None

    def __call__(self, *values: Any) -> Any:
        """Call the layer as before, on other values."""
        leaves = [values[v.position] if isinstance(v, Slot) else v for v in nest.flatten(self.arguments)]
        args, kwargs = nest.pack(self.arguments, leaves)
        return self.layer(*args, **kwargs)


def has_symbols(structure: Any) -> bool:
    return any(map(is_sketched, _leaves(structure)))


def _leaves(structure: Any) -> Iterator[Any]:
    if type(structure) is Tensor:
        return iter(())
    return iter(nest.flatten(structure))


def call_on_symbols(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Symbols for the layer's outputs; their shapes are found by tracing the layer, which also builds it."""
    structure = (args, kwargs)
    leaves = nest.flatten(structure)
    symbols = [leaf for leaf in leaves if is_sketched(leaf)]
    known = _trace(layer, structure, leaves)
    specs = nest.map_structure(lambda k: k.spec, known)
    places = iter(range(len(symbols)))
    arguments = nest.pack(structure, [Slot(next(places)) if is_sketched(leaf) else leaf for leaf in leaves])
    made = record(LayerCall(layer, arguments), symbols, specs)
    made.inputs = args[0] if len(args) == 1 else list(args)
    for symbol, k in zip(nest.flatten(made.outputs), nest.flatten(known), strict=True):
        symbol.mask = k.mask
    return made.outputs


def record(call: LayerCall, inputs: list[Symbol], outputs: Any) -> LayerCall:
    """Append the call, whose `outputs` have these specs, to the graph and to the layer's own list."""
    call.outputs = nest.pack(outputs, list(SKETCH.append(call, tuple(inputs), nest.flatten(outputs))))
    call.layer.calls.append(call)
    return call


def _trace(layer: Any, structure: Any, leaves: list[Any]) -> Any:
    """The outputs, traced with unknown sizes, or, where Python needs to know them, with two sizes: what differs is
    unknown.
    """
    try:
        return _trace_with(layer, structure, leaves, None)
    except TfcliError as error:
        if type(error) is not TfcliError or not any(None in leaf.shape for leaf in leaves if is_sketched(leaf)):
            raise
    first, second = (_trace_with(layer, structure, leaves, size) for size in _TRIED_SIZES)
    return nest.map_structure(_both, first, second)


_TRIED_SIZES = (83, 89)  # primes, which no shape computed from known sizes has by accident


@dataclass(frozen=True)
class _Known:
    """Of an output."""

    spec: TensorSpec
    mask: TensorSpec | None


def _both(first: _Known, second: _Known) -> _Known:
    mask = None if first.mask is None or second.mask is None else _common(first.mask, second.mask)
    return _Known(_common(first.spec, second.spec), mask)


def _common(first: TensorSpec, second: TensorSpec) -> TensorSpec:
    sizes = [a if a == b else None for a, b in zip(first.shape, second.shape, strict=True)]
    return TensorSpec(Shape(sizes), first.dtype)


def _trace_with(layer: Any, structure: Any, leaves: list[Any], size: int | None) -> Any:
    scratch = Graph(layer.name)

    def stand_in(leaf: Any) -> Any:
        if not is_sketched(leaf):
            return leaf
        shape = Shape(size if d is None else d for d in leaf.shape)
        stand_in = scratch.placeholder(TensorSpec(shape, leaf.dtype, leaf.spec.name))
        if leaf.mask is not None:  # a symbol of a model has its mask's spec, which tells a layer that there is one
            sizes = Shape(size if d is None else d for d in leaf.mask.shape)
            stand_in.mask = scratch.placeholder(TensorSpec(sizes, leaf.mask.dtype))
        return stand_in

    with tracing(scratch), recording([]):
        args, kwargs = nest.pack(structure, [stand_in(leaf) for leaf in leaves])
        outputs = layer(*args, **kwargs)
    layer._forget_losses()
    return nest.map_structure(lambda t: _Known(t.spec, None if t.mask is None else t.mask.spec), outputs)
