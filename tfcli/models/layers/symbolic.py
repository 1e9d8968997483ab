"""Layers called on symbols: what functional models are put together from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.ir import Graph
from tfcli.engine.graph.sketch import SKETCH, is_sketched
from tfcli.engine.tensor import Symbol, Tensor


@dataclass(frozen=True)
class _Slot:
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
        leaves = [values[v.position] if isinstance(v, _Slot) else v for v in nest.flatten(self.arguments)]
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
    outputs = _trace(layer, structure, leaves)
    places = iter(range(len(symbols)))
    arguments = nest.pack(structure, [_Slot(next(places)) if is_sketched(leaf) else leaf for leaf in leaves])
    made = record(LayerCall(layer, arguments), symbols, nest.map_structure(lambda t: t.spec, outputs))
    made.inputs = args[0] if len(args) == 1 else list(args)
    return made.outputs


def record(call: LayerCall, inputs: list[Symbol], outputs: Any) -> LayerCall:
    """Append the call, whose `outputs` have these specs, to the graph and to the layer's own list."""
    call.outputs = nest.pack(outputs, list(SKETCH.append(call, tuple(inputs), nest.flatten(outputs))))
    call.layer.calls.append(call)
    return call


def _trace(layer: Any, structure: Any, leaves: list[Any]) -> Any:
    scratch = Graph(layer.name)
    with tracing(scratch), recording([]):
        stand_ins = [scratch.placeholder(leaf.spec) if is_sketched(leaf) else leaf for leaf in leaves]
        args, kwargs = nest.pack(structure, stand_ins)
        outputs = layer(*args, **kwargs)
    layer._forget_losses()
    return outputs
