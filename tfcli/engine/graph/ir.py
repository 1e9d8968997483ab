"""The graph: nodes in program order, each an op with its inputs and outputs."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec, show_shape
from tfcli.engine.tensor import Symbol, Tensor, Variable
from tfcli.errors import DtypeError, FailedPreconditionError, ShapeError, TfcliError


class _Scope(threading.local):
    name = ""


_scope = _Scope()


@contextmanager
def scoped(name: str) -> Iterator[None]:
    """Nodes made meanwhile belong to `name`: a layer's path, say."""
    before, _scope.name = _scope.name, name
    try:
        yield
    finally:
        _scope.name = before


class Node:
    """One application of an op; in a graph its inputs and outputs are Symbols, on an eager tape they are Tensors."""

    __slots__ = ("control", "inputs", "name", "op", "outputs", "scope")

    def __init__(self, op: Op, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...] = ()) -> None:
        self.op, self.inputs, self.outputs = op, inputs, outputs
        self.name, self.scope = op.name, _scope.name
        self.control: tuple[Node, ...] = ()
        """Nodes that must run before this one, though none of its inputs comes from them."""

    @property
    def type(self) -> str:
        """What kind of op it is."""
        return type(self.op).__name__

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run it in the session, or the one that is entered."""
        from tfcli.engine.graph.session import running_session

        running_session(session).run(self, feed_dict)

    def __repr__(self) -> str:
        inputs, outputs = (", ".join(str(value.spec) for value in side) for side in (self.inputs, self.outputs))
        return f"{self.op!r}({inputs}) -> {outputs}"


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


class Uninitialized(np.ndarray):
    """What a variable of a session's graph holds before its initializer has run: the shape and dtype alone."""


def value_of(variable: Variable) -> np.ndarray:
    """What the variable holds. Raises FailedPreconditionError before its initializer has run."""
    if isinstance(variable.array, Uninitialized):
        raise FailedPreconditionError(
            f"the variable {variable.name!r} has no value yet; run tf.compat.v1.global_variables_initializer() first"
        )
    return variable.array


class ReadVariable(Op):
    """The value of a variable when its turn comes."""

    variable: Variable
    stateful = True

    def infer(self) -> TensorSpec:
        return TensorSpec(self.variable.shape, self.variable.dtype)

    def forward(self) -> np.ndarray:
        return value_of(self.variable)

    def __repr__(self) -> str:
        return f"read_variable({self.variable.name})"


class Assignment(Op, abstract=True):
    """Base: what changes a variable."""

    variable: Variable
    stateful = effect = True

    def __repr__(self) -> str:
        return f"{self.name}({self.variable.name})"


class AssignVariable(Assignment):
    """Set a variable. The old array is left alone, as earlier reads may still hold it."""

    vjp_value = None

    def infer(self, value: TensorSpec) -> TensorSpec:
        return value

    def forward(self, value: np.ndarray) -> np.ndarray:
        self.variable.array = np.asarray(value)
        return self.variable.array


class AssignRows(Assignment):
    """Set the slices `rows` of a variable along its first axis, none of them twice.

    The array is written in place, unless somebody else holds it: no value that was read ever changes.
    """

    vjp_rows = vjp_values = None

    def infer(self, rows: TensorSpec, values: TensorSpec) -> tuple[()]:
        shape = self.variable.shape
        if values.dtype != self.variable.dtype or not rows.dtype.is_integer:
            raise DtypeError(f"{self.variable.name} is {self.variable.dtype.name}, the rows {rows} become {values}")
        if values.rank != len(shape) or any(
            None not in p and p[0] != p[1] for p in zip(values.shape[1:], shape[1:], strict=True)
        ):
            raise ShapeError(
                f"{self.variable.name} has the shape {show_shape(shape)}, its rows became {show_shape(values.shape)}"
            )
        return ()

    def forward(self, rows: np.ndarray, values: np.ndarray) -> tuple[()]:
        held = value_of(self.variable)
        if sys.getrefcount(held) > _OWN_REFERENCES or not held.flags.writeable:
            held = self.variable.array = held.copy()
        held[rows] = values
        return ()


def _own_references() -> int:
    """How many references there are, where AssignRows counts, to the array of a variable that nobody else holds."""
    variable = SimpleNamespace(array=np.zeros(1, np.float32))
    held = value_of(variable)  # type: ignore[arg-type]
    return sys.getrefcount(held)


_OWN_REFERENCES = _own_references()


class Graph:
    """Nodes in program order. `inputs` are fed.

    Tensors from outside come in as constants where they are known. The value of a graph that is being traced
    around this one becomes a
    further input, listed in `captured` as (outer tensor, inner symbol), so that values and gradients reach it.

    With `captures=True` the graph is the body of a loop or branch: everything from outside is captured, and
    variables are values, too.
    `values` has the current one of each variable that the body used, `written` those that it assigned; whoever
    runs the body feeds
    them and assigns the results. `tapes` are those that record around the body.
    """

    defers_variables = False
    """Variables made in it hold no value until an initializer has run."""

    def __init__(
        self, name: str = "graph", parent: "Graph | None" = None, captures: bool = False, tapes: Sequence[Any] = ()
    ) -> None:
        self.name, self.parent, self.captures, self.tapes = name, parent, captures, tapes
        self.nodes: list[Node] = []
        self.inputs: list[Symbol] = []
        self.captured: list[tuple[Tensor, Symbol]] = []
        self.known: dict[int, Tensor] = {}
        """The tensor from outside behind a constant, by the id of the constant's symbol."""
        self.values: dict[Variable, Tensor] = {}
        self.written: list[Variable] = []
        self.may_create_variables, self.created_variables = True, False
        self._held: dict[Variable, tuple[Tensor, Symbol]] = {}
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
        if isinstance(tensor, Symbol):
            if tensor.graph is self:
                return tensor
            if not self._is_inside(tensor.graph):
                raise TfcliError(
                    f"{tensor!r} belongs to the traced function {tensor.graph.name!r}, which has ended; return it "
                    "from there instead"
                )
            return self._capture(tensor)
        return self._capture(tensor) if self.captures else self._know(tensor)

    def _is_inside(self, other: "Graph") -> bool:
        graph = self.parent
        while graph is not None and graph is not other:
            graph = graph.parent
        return graph is other

    def _know(self, tensor: Tensor) -> Symbol:
        if id(tensor) not in self._inner:
            symbol = self._inner[id(tensor)] = self.add(Constant(tensor.array), ()).outputs[0]  # type: ignore[assignment]
            self.known[id(symbol)] = tensor
        return self._inner[id(tensor)]

    def _capture(self, tensor: Tensor) -> Symbol:
        if id(tensor) not in self._inner:
            outer = tensor if self.parent is None else self.parent.bring(tensor)
            inner = self.placeholder(outer.spec)
            self.captured.append((tensor, inner))
            self._inner[id(tensor)] = inner
        return self._inner[id(tensor)]

    def hold(self, variable: Variable, outer: Tensor) -> Symbol:
        """In a body: the variable's value around it, from now on the variable's value in it."""
        inner = self._capture(outer)
        self._held[variable] = (outer, inner)
        self.values[variable] = inner
        return inner

    def write(self, variable: Variable, value: Tensor) -> None:
        """In a body: `value` is the variable's from now on."""
        self.values[variable] = value
        if variable not in self.written:
            self.written.append(variable)

    def release(self, variable: Variable) -> tuple[Tensor, Symbol]:
        """What `hold` was given and gave for a variable, no longer listed as captured: a loop carries it on its own."""
        outer, inner = self._held[variable]
        self.captured = [pair for pair in self.captured if pair[1] is not inner]
        return outer, inner

    def label(self, node: Node, name: str) -> None:
        """Call the node so, where nodes have names."""

    def defer(self, variable: Variable, value: Tensor) -> np.ndarray:
        """Note how a new variable gets its first value; returns what it holds until then."""
        raise AssertionError(f"variables of {self.name} get their values at once")

    def order_inputs(self, inputs: Sequence[Tensor]) -> None:
        """Feed these placeholders in this order."""
        assert {id(s) for s in inputs} == {id(s) for s in self.inputs}
        self.inputs = list(inputs)  # type: ignore[arg-type]
        for position, symbol in enumerate(self.inputs):
            symbol.node.op = Placeholder(symbol.node.op.spec, position)  # type: ignore[attr-defined]

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
            same = spec.shape == symbol.shape and spec.dtype == symbol.dtype
            assert same, f"{node}: infer gives {spec}, has {symbol.spec}"
            made.add(id(symbol))
    missing = [f for f in fetches if id(f) not in made]
    assert not missing, f"fetches from outside the graph: {missing}"
