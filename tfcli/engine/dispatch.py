"""apply: the one way into every op. Eagerly it computes; inside a trace it appends to the graph; an active tape
remembers either.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine.graph.execute import Plan, needed
from tfcli.engine.graph.ir import AssignRows, AssignVariable, Constant, Graph, Node, Placeholder, ReadVariable, value_of
from tfcli.engine.graph.sketch import SKETCH, is_sketched
from tfcli.engine.op import Op
from tfcli.engine.precision import as_product
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Symbol, Tensor, Value, Variable, as_array, constant, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError

if TYPE_CHECKING:
    from tfcli.engine.tape import GradientTape


default_graph: Graph | None = None
"""Where the ops of every thread go while eager execution is disabled."""


class _State(threading.local):
    """What is going on in this thread: the graph being traced and the tapes that record."""

    def __init__(self) -> None:
        self.graph: Graph | None = default_graph
        self.tapes: list[GradientTape] = []


state = _State()


def apply(op: Op, *inputs: Any) -> Any:
    """The output of `op` (a tuple where it has several). Raises ShapeError, DtypeError."""
    graph = state.graph
    if graph is None and any(map(is_sketched, inputs)):
        with tracing(SKETCH):
            return apply(op, *inputs)
    if graph is None:
        tensors = tuple(value if isinstance(value, Tensor) else convert_to_tensor(value) for value in inputs)
    else:
        tensors = tuple(_into(graph, value) for value in inputs)
    if op.multiplies and tensors[0].dtype.name == "float32":
        op = as_product(op)
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
    return node.outputs[0] if len(node.outputs) == 1 else node.outputs


def _into(graph: Graph, value: Any) -> Tensor:
    """A Python number or array becomes a constant of the graph; what already is a tensor may have to be captured."""
    if isinstance(value, Tensor):
        return value
    return value.value() if isinstance(value, Value) else graph.constant(as_array(value))


def labelled_as(name: str | None, value: Any) -> Any:
    """`value`, which a graph with names now knows under this one."""
    if name is not None and isinstance(value, Symbol):
        value.graph.label(value.node, name)
    return value


def constant_here(value: Any, dtype: Any = None, shape: Any = None, name: str = "constant") -> Tensor:
    """tf.constant: a tensor with a copy of `value`; in a session's graph an operation of this name."""
    tensor = constant(value, dtype, shape)
    graph = state.graph
    if graph is None or not graph.defers_variables:
        return tensor
    return labelled_as(name, graph.add(Constant(tensor.array), ()).outputs[0])


def read(variable: Variable) -> Tensor:
    """The variable's value now. The body of a loop has it from where the loop stands, so that gradients reach it
    there.
    """
    graph = state.graph
    if graph is None:
        value = Tensor(value_of(variable))
    elif graph.captures:
        value = _value_in(graph, variable)
    else:
        value = graph.add(ReadVariable(variable), ()).outputs[0]
    for tape in state.tapes:
        tape.record_read(variable, value)
    return value


def _value_in(body: Graph, variable: Variable) -> Tensor:
    if variable not in body.values:
        with tracing(body.parent), recording(list(body.tapes)):
            outer = read(variable)
        body.hold(variable, outer)
    return body.values[variable]


def first_value(variable: Variable, initial_value: Any, dtype: Any = None) -> np.ndarray:
    """The array that a new variable starts with. A traced function makes variables in its first trace only. Raises
    TfcliError.
    """
    graph = state.graph
    while graph is not None and graph.captures:
        graph = graph.parent
    if graph is not None and graph.defers_variables:
        with tracing(graph):
            value = initial_value() if callable(initial_value) else initial_value
            return graph.defer(variable, value if isinstance(value, Tensor) else constant(value, dtype))
    if graph is not None and not graph.may_create_variables:
        raise TfcliError(
            f"{graph.name}: a traced function may create variables in its first call only, and creates "
            f"{variable.name!r} again; "
            "make them once, outside of it or where an attribute is still None"
        )
    if graph is not None:
        graph.created_variables = True
    with init_scope():
        value = initial_value() if callable(initial_value) else initial_value
        return np.array(_evaluated(variable, value) if isinstance(value, Symbol) else as_array(value, dtype), copy=True)


def _evaluated(variable: Variable, value: Symbol) -> np.ndarray:
    if any(isinstance(node.op, Placeholder) for node in needed(value.graph, [value], effects=False, feeds=[])):
        raise TfcliError(
            f"the initial value of the variable {variable.name!r} depends on an argument of the traced function "
            f"{value.graph.name!r}; give it a value that does not"
        )
    return Plan(value.graph, [value], effects=False, feeds=[]).run([])[0]


def assign(variable: Variable, value: Any) -> Tensor:
    """Set the variable and return the new value. Raises ShapeError, DtypeError."""
    if not isinstance(value, Tensor | Variable | np.ndarray):
        value = convert_to_tensor(value, variable.dtype)
    tensor = convert_to_tensor(value)
    if tensor.dtype != variable.dtype:
        raise DtypeError(
            f"{variable.name} is {variable.dtype.name}, the value is {tensor.dtype.name}; tf.cast converts"
        )
    fits = len(tensor.shape) == len(variable.shape) and all(
        v is None or s in (v, None) for s, v in zip(tensor.shape, variable.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{variable.name} has the shape {show_shape(variable.shape)}, the value {show_shape(tensor.shape)}; "
            f"they must be equal"
        )
    if state.graph is None and not isinstance(tensor, Symbol):
        variable.array = tensor.array
        return tensor
    if state.graph is not None and state.graph.captures:
        return _write(state.graph, variable, tensor)
    return apply(AssignVariable(variable), tensor)


def assign_rows(variable: Variable, rows: Any, values: Any) -> None:
    """Set some rows of a variable (its slices along the first axis; none twice), which leaves the others untouched.

    Raises ShapeError, DtypeError.
    """
    graph = state.graph
    if graph is not None and graph.captures:
        from tfcli.engine.ops.index import tensor_scatter_nd_update
        from tfcli.engine.ops.shape import expand_dims

        _write(graph, variable, tensor_scatter_nd_update(read(variable), expand_dims(rows, -1), values))
        return
    apply(AssignRows(variable), rows, values)


def _write(body: Graph, variable: Variable, value: Tensor) -> Tensor:
    """Gradients do not pass through an assignment, in a body as elsewhere."""
    from tfcli.engine.ops.elementwise import stop_gradient

    _value_in(body, variable)
    stopped = stop_gradient(value)
    body.write(variable, stopped)
    return stopped


def replay(graph: Graph, inputs: Sequence[Tensor], fetches: Sequence[Tensor]) -> list[Tensor]:
    """Apply the graph's ops anew, one by one, so that tapes and enclosing traces see them."""
    values: dict[int, Tensor] = {}
    for node in graph.nodes:
        match node.op:
            case Placeholder(position=position):
                results: Any = inputs[position]
            case Constant(value=value):
                results = graph.known.get(id(node.outputs[0]), Tensor(value))
            case ReadVariable(variable=variable):
                results = read(variable)
            case AssignVariable(variable=variable):
                results = assign(variable, values[id(node.inputs[0])])
            case AssignRows(variable=variable):
                assign_rows(variable, *[values[id(i)] for i in node.inputs])
                results = ()
            case op:
                results = apply(op, *[values[id(i)] for i in node.inputs])
        for symbol, value in zip(node.outputs, results if isinstance(results, tuple) else (results,), strict=True):
            values[id(symbol)] = value
    return [values[id(f)] for f in fetches]


@contextmanager
def tracing(graph: Graph | None) -> Iterator[None]:
    """Ops go into `graph`; with None they are computed at once, also while a graph is being traced."""
    before, state.graph = state.graph, graph
    try:
        yield
    finally:
        state.graph = before


@contextmanager
def init_scope() -> Iterator[None]:
    """Leave the functions being traced: ops are computed at once (or go into the session's graph), and no tape
    records.
    """
    graph = state.graph
    while graph is not None and not graph.defers_variables:
        graph = graph.parent
    with tracing(graph), recording([]):
        yield


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
