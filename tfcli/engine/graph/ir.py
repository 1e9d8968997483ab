"""The graph: nodes in program order, each an op with its inputs and outputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Symbol, Tensor, Variable
from tfcli.errors import TfcliError


class Node:
    """One application of an op; in a graph its inputs and outputs are Symbols, on an eager tape they are Tensors."""

    __slots__ = ("inputs", "op", "outputs")

    def __init__(self, op: Op, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...] = ()) -> None:
        self.op, self.inputs, self.outputs = op, inputs, outputs

    def __repr__(self) -> str:
        return f"{self.op!r}({', '.join(str(i.spec) for i in self.inputs)}) -> {', '.join(str(o.spec) for o in self.outputs)}"


class Placeholder(Op):
    """An input of a graph; its value is fed."""

    spec: TensorSpec
    position: int
    stateful = True

    def infer(self) -> TensorSpec:
        return self.spec

    def forward(self) -> np.ndarray:
        raise TfcliError(f"the placeholder {self.spec.name or self.position} was not fed; add it to feed_dict")


class Constant(Op):
    """A value known while tracing; two are the same op where dtype, shape and bytes are equal."""

    value: np.ndarray

    def __init__(self, value: np.ndarray) -> None:
        object.__setattr__(self, "value", value)
        content = id(value) if value.nbytes > 1024 or value.dtype.kind == "O" else value.tobytes()
        object.__setattr__(self, "_key", (Constant, value.dtype.str, value.shape, content))

    def infer(self) -> TensorSpec:
        return Tensor(self.value).spec

    def forward(self) -> np.ndarray:
        return self.value

    def __repr__(self) -> str:
        return f"constant({np.array2string(self.value, threshold=4)})"


class ReadVariable(Op):
    """The value of a variable when its turn comes."""

    variable: Variable
    stateful = True

    def infer(self) -> TensorSpec:
        return TensorSpec(self.variable.shape, self.variable.dtype)

    def forward(self) -> np.ndarray:
        return self.variable.array

    def __repr__(self) -> str:
        return f"read_variable({self.variable.name})"


class AssignVariable(Op):
    """Set a variable. The old array is left alone, as earlier reads may still hold it."""

    variable: Variable
    stateful = effect = True
    vjp_value = None

    def infer(self, value: TensorSpec) -> TensorSpec:
        return value

    def forward(self, value: np.ndarray) -> np.ndarray:
        self.variable.array = np.asarray(value)
        return self.variable.array

    def __repr__(self) -> str:
        return f"assign_variable({self.variable.name})"


class Graph:
    """Nodes in program order. `inputs` are fed.

    A graph with `captures=True` is the body of a loop or branch: tensors from outside become inputs of it, listed in `captured` as
    (outer tensor, inner symbol), so that values and gradients reach it. `tapes` are those that record around it.
    """

    def __init__(
        self, name: str = "graph", parent: "Graph | None" = None, captures: bool = False, tapes: Sequence[Any] = ()
    ) -> None:
        self.name, self.parent, self.captures, self.tapes = name, parent, captures, tapes
        self.nodes: list[Node] = []
        self.inputs: list[Symbol] = []
        self.captured: list[tuple[Tensor, Symbol]] = []
        self._constants: dict[Constant, Symbol] = {}
        self._inner: dict[int, Symbol] = {}

    def add(self, op: Op, inputs: tuple[Tensor, ...]) -> Node:
        """Append a node; its outputs are what `op.infer` says."""
        symbols = tuple(self.bring(t) for t in inputs)
        inferred = op.infer(*[s.spec for s in symbols])
        node = Node(op, symbols)
        specs = inferred if isinstance(inferred, tuple) else (inferred,)
        node.outputs = tuple(Symbol(self, node, i, spec) for i, spec in enumerate(specs))
        self.nodes.append(node)
        return node

    def placeholder(self, spec: TensorSpec) -> Symbol:
        symbol = self.add(Placeholder(spec, len(self.inputs)), ()).outputs[0]
        assert isinstance(symbol, Symbol)
        self.inputs.append(symbol)
        return symbol

    def constant(self, array: np.ndarray) -> Symbol:
        op = Constant(array)
        if op not in self._constants:
            symbol = self.add(op, ()).outputs[0]
            assert isinstance(symbol, Symbol)
            self._constants[op] = symbol
        return self._constants[op]

    def bring(self, tensor: Tensor) -> Symbol:
        """`tensor` as a symbol of this graph."""
        if isinstance(tensor, Symbol) and tensor.graph is self:
            return tensor
        if self.captures:
            return self._capture(tensor)
        if isinstance(tensor, Symbol):
            raise TfcliError(
                f"{tensor!r} belongs to the traced function {tensor.graph.name!r}, which has ended; return it from there instead"
            )
        return self.constant(tensor.array)

    def _capture(self, tensor: Tensor) -> Symbol:
        if id(tensor) not in self._inner:
            outer = tensor if self.parent is None else self.parent.bring(tensor)
            inner = self.placeholder(outer.spec)
            self.captured.append((tensor, inner))
            self._inner[id(tensor)] = inner
        return self._inner[id(tensor)]

    def __repr__(self) -> str:
        numbers: dict[int, str] = {}
        lines = []
        for node in self.nodes:
            for output in node.outputs:
                numbers[id(output)] = f"%{len(numbers)}"
            left = ", ".join(f"{numbers[id(o)]}: {o.spec}" for o in node.outputs)
            lines.append(f"  {left} = {node.op!r} {' '.join(numbers[id(i)] for i in node.inputs)}".rstrip())
        return "\n".join([f"graph {self.name}:", *lines])


def verify(graph: Graph, fetches: list[Any]) -> None:
    """Assert what every graph must be: inputs made before they are used, specs as `infer` says, fetches inside."""
    made: set[int] = set()
    for node in graph.nodes:
        for symbol in node.inputs:
            assert id(symbol) in made, f"{node}: {symbol} is used before it is made"
        inferred = node.op.infer(*[s.spec for s in node.inputs])
        specs = inferred if isinstance(inferred, tuple) else (inferred,)
        assert len(specs) == len(node.outputs), f"{node}: infer gives {len(specs)} outputs"
        for spec, symbol in zip(specs, node.outputs, strict=True):
            assert spec.shape == symbol.shape and spec.dtype == symbol.dtype, f"{node}: infer gives {spec}, has {symbol.spec}"
            made.add(id(symbol))
    missing = [f for f in fetches if id(f) not in made]
    assert not missing, f"fetches from outside the graph: {missing}"
