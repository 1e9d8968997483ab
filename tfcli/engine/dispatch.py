"""apply: the one way into every op. Eagerly it computes; inside a trace it appends to the graph; an active tape remembers either."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine.graph.ir import AssignVariable, Graph, Node, ReadVariable
from tfcli.engine.op import Op
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Symbol, Tensor, Variable, as_array, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError

if TYPE_CHECKING:
    from tfcli.engine.tape import GradientTape


class _State(threading.local):
    """What is going on in this thread: the graph being traced and the tapes that record."""

    def __init__(self) -> None:
        self.graph: Graph | None = None
        self.tapes: list[GradientTape] = []


state = _State()


def apply(op: Op, *inputs: Any) -> Any:
    """The output of `op` (a tuple where it has several). Raises ShapeError, DtypeError."""
    graph = state.graph
    if graph is None:
        tensors = tuple(value if isinstance(value, Tensor) else convert_to_tensor(value) for value in inputs)
    else:
        tensors = tuple(_into(graph, value) for value in inputs)
    if graph is not None:
        node = graph.add(op, tensors)
        if state.tapes:
            node = Node(op, tensors, node.outputs)
    else:
        inferred = op.infer(*[t.spec for t in tensors])
        result = op.forward(*[t.array for t in tensors])  # type: ignore[attr-defined]
        if isinstance(inferred, tuple):
            outputs = tuple(Tensor(np.asarray(array)) for array in result)
        else:
            outputs = (Tensor(np.asarray(result)),)
        node = Node(op, tensors, outputs)
    for tape in state.tapes:
        tape.record(node)
    return node.outputs if len(node.outputs) > 1 else node.outputs[0]


def _into(graph: Graph, value: Any) -> Tensor:
    """A Python number or array becomes a constant of the graph; what already is a tensor may have to be captured."""
    if isinstance(value, Tensor):
        return value
    return graph.constant(as_array(value)) if not isinstance(value, Variable) else read(value)


def read(variable: Variable) -> Tensor:
    """The variable's value now. Inside the body of a loop it is read where the loop stands, so that gradients reach it."""
    graph, tapes = state.graph, state.tapes
    while graph is not None and graph.captures:
        graph, tapes = graph.parent, list(graph.tapes)
    value = Tensor(variable.array) if graph is None else graph.add(ReadVariable(variable), ()).outputs[0]
    for tape in tapes:
        tape.record_read(variable, value)
    return value


def assign(variable: Variable, value: Any) -> Tensor:
    """Set the variable and return the new value. Raises ShapeError, DtypeError."""
    if not isinstance(value, Tensor | Variable | np.ndarray):
        value = convert_to_tensor(value, variable.dtype)
    tensor = convert_to_tensor(value)
    if tensor.dtype != variable.dtype:
        raise DtypeError(f"{variable.name} is {variable.dtype.name}, the value is {tensor.dtype.name}; tf.cast converts")
    fits = len(tensor.shape) == len(variable.shape) and all(
        v is None or s in (v, None) for s, v in zip(tensor.shape, variable.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{variable.name} has the shape {show_shape(variable.shape)}, the value {show_shape(tensor.shape)}; they must be equal"
        )
    if state.graph is None and not isinstance(tensor, Symbol):
        variable.array = tensor.array
        return tensor
    return apply(AssignVariable(variable), tensor)


@contextmanager
def tracing(graph: Graph | None) -> Iterator[None]:
    """Ops go into `graph`; with None they are computed at once, also while a graph is being traced."""
    before, state.graph = state.graph, graph
    try:
        yield
    finally:
        state.graph = before


@contextmanager
def recording(tapes: "list[GradientTape]") -> Iterator[None]:
    """Exactly `tapes` record."""
    before, state.tapes = state.tapes, tapes
    try:
        yield
    finally:
        state.tapes = before


def executing_eagerly() -> bool:
    return state.graph is None
