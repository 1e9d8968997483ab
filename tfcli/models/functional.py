"""Functional models: inputs, and the graph of layer calls between them and the outputs."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import apply, read
from tfcli.engine.graph.ir import Constant, Node, ReadVariable
from tfcli.engine.graph.sketch import is_sketched
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.shape import expand_dims, squeeze
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, show_shape
from tfcli.engine.tensor import Symbol, Tensor, convert_to_tensor
from tfcli.errors import ShapeError, SpecError
from tfcli.models.layers.base import Layer, settings
from tfcli.models.layers.symbolic import LayerCall, record


class InputLayer(Layer, abstract=True):
    """Where an input comes into a model."""

    keeps_integers = True

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
    ) -> None:
        if shape is None and batch_shape is None:
            raise SpecError("an input needs its shape: Input(shape=(28, 28, 1)), without the batch axis")
        super().__init__(name=name, dtype=dtype)
        self.batch_shape = Shape(batch_shape if batch_shape is not None else (batch_size, *_sizes(shape)))
        self.built = True
        record(LayerCall(self, ((), {})), [], TensorSpec(self.batch_shape, as_dtype(self.dtype), self.name))

    def call(self, inputs: Tensor) -> Tensor:
        return inputs


def _sizes(shape: Any) -> tuple[int | None, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


def make_input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> Symbol:
    """A symbol for an input of a model, `shape` without the batch axis.

    Layers and ops applied to it make up the model.
    """
    return InputLayer(shape, batch_size, dtype, name, batch_shape).output


class Wiring:
    """The nodes between `inputs` and `outputs` (structures of symbols), in the order in which they run.

    Raises SpecError where an output depends on an input that is not given, or two layers have one name.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.input_structure, self.output_structure = inputs, outputs
        self.inputs, self.outputs = _symbols(inputs, "inputs"), _symbols(outputs, "outputs")
        self._given = {id(s) for s in self.inputs}
        self.nodes: list[Node] = []
        self._seen_first: list[Node] = []
        seen: set[int] = set()
        for output in self.outputs:
            self._visit(output, seen)
        self.calls = self._by_depth()
        self.layers: list[Layer] = list({id(c.layer): c.layer for c in self.calls}.values())
        self._refuse_equal_names()

    def _visit(self, symbol: Symbol, seen: set[int]) -> None:
        """Append the node that makes the symbol after those that it depends on."""
        stack = [(symbol, False)]
        while stack:
            current, is_done = stack.pop()
            node = current.node
            if is_done:
                self.nodes.append(node)
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            self._seen_first.append(node)
            if id(current) in self._given:
                if isinstance(node.op, LayerCall) and isinstance(node.op.layer, InputLayer):
                    self.nodes.append(node)
                else:
                    seen.discard(id(node))
                continue
            if isinstance(node.op, LayerCall) and isinstance(node.op.layer, InputLayer):
                known = ", ".join(s.node.name for s in self.inputs)
                raise SpecError(
                    f"the outputs depend on the input `{node.op.layer.name}`, which is not among the model's: {known}"
                )
            stack.append((current, True))
            stack.extend((i, False) for i in reversed(node.inputs))  # type: ignore[misc]

    def _by_depth(self) -> list[LayerCall]:
        """The layers' calls as Keras lists them: from the furthest to the nearest to the outputs, then as they were
        met.
        """
        depths: dict[int, int] = {}
        of_layer: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = depths.get(id(node), 0)
            if isinstance(node.op, LayerCall):
                depth = max(depth, of_layer.get(id(node.op.layer), 0))
                of_layer[id(node.op.layer)] = depth
            depths[id(node)] = depth
            for source in node.inputs:
                if id(source) not in self._given or not source.node.inputs:  # type: ignore[attr-defined]
                    parent = source.node  # type: ignore[attr-defined]
                    depths[id(parent)] = max(depth + 1, depths.get(id(parent), 0))
        calls = [node.op for node in self._seen_first if isinstance(node.op, LayerCall) and id(node) in depths]
        return sorted(calls, key=lambda call: -of_layer[id(call.layer)])

    def _refuse_equal_names(self) -> None:
        twice = [name for name, count in Counter(layer.name for layer in self.layers).items() if count > 1]
        if twice:
            raise SpecError(f"the model has several layers called `{twice[0]}`; give each a name of its own")

    @property
    def input_names(self) -> list[str]:
        return [s.node.name for s in self.inputs]

    @property
    def output_names(self) -> list[str]:
        structure = self.output_structure
        return list(structure) if isinstance(structure, Mapping) else [s.node.name for s in self.outputs]

    def match(self, given: Any) -> list[Tensor]:
        """The tensors for the inputs, by name or in order; converted and cast, their ranks adjusted as Keras does.
        Raises ShapeError.
        """
        values = self._in_order(given)
        if len(values) != len(self.inputs):
            raise ShapeError(
                f"the model has {len(self.inputs)} inputs ({', '.join(self.input_names)}), got {len(values)}"
            )
        return [fit_input(v, s.spec, s.node.name) for v, s in zip(values, self.inputs, strict=True)]

    def _in_order(self, given: Any) -> list[Any]:
        if not isinstance(given, Mapping):
            return nest.flatten(given)
        declared = self.input_structure
        names = list(declared) if isinstance(declared, Mapping) else self.input_names
        missing = [name for name in names if name not in given]
        if missing:
            raise ShapeError(f"the input `{missing[0]}` is missing; given are: {', '.join(map(str, given))}")
        return [given[name] for name in names]

    def run(self, inputs: Any, instead: Callable[[Layer], Layer] | None = None) -> Any:
        """The outputs for the inputs, in the structures that the model was made with; `instead` says which layer to
        call in the place of each.
        """
        values = {id(s): v for s, v in zip(self.inputs, self.match(inputs), strict=True)}
        for node in self.nodes:
            if all(id(symbol) in values for symbol in node.outputs):
                continue
            results = _run(node, [values[id(i)] for i in node.inputs], instead)
            for symbol, value in zip(node.outputs, results, strict=True):
                values.setdefault(id(symbol), value)
        return nest.pack(self.output_structure, [values[id(s)] for s in self.outputs])


def _symbols(structure: Any, what: str) -> list[Symbol]:
    flat = nest.flatten(structure)
    wrong = [leaf for leaf in flat if not is_sketched(leaf)]
    if wrong or not flat:
        shown = f"got {type(wrong[0]).__name__}" if wrong else "got none"
        raise SpecError(f"a model's {what} must be made from Input(…), {shown}")
    return flat


def _run(node: Node, inputs: list[Any], instead: Callable[[Layer], Layer] | None) -> list[Tensor]:
    op: Any = node.op
    if instead is not None and isinstance(op, LayerCall):
        op = LayerCall(instead(op.layer), op.arguments)
    if isinstance(op, ReadVariable):
        return [read(op.variable)]
    if isinstance(op, Constant):
        return [Tensor(op.value)]
    results = op(*inputs) if isinstance(op, LayerCall) else apply(op, *inputs)
    return nest.flatten(results)


def fit_input(value: Any, spec: TensorSpec, name: str) -> Tensor:
    """`value` as a tensor of the input's dtype and rank: a last axis of size 1 is added or taken away. Raises
    ShapeError.
    """
    tensor = convert_to_tensor(value)
    mask = tensor.mask
    if tensor.dtype != spec.dtype and spec.dtype != "string":
        tensor = cast(tensor, spec.dtype)
        tensor.mask = mask
    given, wanted = tensor.shape, spec.shape
    if len(given) == len(wanted) - 1 and wanted[-1] == 1:
        tensor = expand_dims(tensor, -1)
    elif len(given) == len(wanted) + 1 and given[-1] == 1:
        tensor = squeeze(tensor, -1)
    got = tensor.shape
    if len(got) != len(wanted) or any(None not in p and p[0] != p[1] for p in zip(got, wanted, strict=True)):
        raise ShapeError(f"the input `{name}` has the shape {show_shape(given)}, the model reads {show_shape(wanted)}")
    return tensor


def input_dtype(dtype: Any) -> str:
    """What an input made for values of `dtype` has: the working precision for floats."""
    return settings.floatx if as_dtype(dtype).is_floating else as_dtype(dtype).name
