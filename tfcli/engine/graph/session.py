"""Define, then run: graphs that are built once and of which a Session runs what is asked for."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

# The random state is made where the module is loaded, and must not become a variable of a session's graph.
import tfcli.engine.ops.random  # noqa: F401
from tfcli.engine import dispatch, nest
from tfcli.engine.dispatch import labelled_as, state, tracing
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import AssignVariable, Graph, Node, Uninitialized, value_of
from tfcli.engine.op import Op
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, show_shape
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class NoOp(Op):
    """Computes nothing: a name for the nodes that it waits for."""

    def infer(self):
        return ()

    def forward(self):
        return ()


class PlaceholderWithDefault(Op):
    """The input, unless something else is fed; `shape` says what may be."""

    shape: Shape

    def infer(self, default):
        return TensorSpec(self.shape, default.dtype)

    def forward(self, default):
        return default

    def vjp_default(self, g, y, default):
        return g


class SessionGraph(Graph):
    """tf.Graph: nodes with names, and variables that hold no value before their initializers have run.

    The value belongs to the variable, and not to a session: all sessions of one process see the same.
    """

    defers_variables = True

    def __init__(self, name: str = "graph") -> None:
        super().__init__(name)
        self.variables: list[Variable] = []
        self.initializers: dict[Variable, Node] = {}
        self.named_variables: dict[str, Variable] = {}
        self.collections: dict[str, list[Any]] = {}
        self.scope = ""
        self.reuse: bool | str | None = None
        """What get_variable does in the present variable_scope."""
        self.waits_for: tuple[Node, ...] = ()
        self._by_name: dict[str, Node] = {}
        self._counts: Counter[str] = Counter()

    def add(self, op: Op, inputs: tuple[Tensor, ...]) -> Node:
        node = super().add(op, inputs)
        node.name = self.unique_name(self.scope + op.name)
        node.control = self.waits_for
        self._by_name[node.name] = node
        return node

    def unique_name(self, name: str) -> str:
        """`name`, or with a number where it is taken."""
        count = self._counts[name]
        self._counts[name] += 1
        return name if count == 0 else self.unique_name(f"{name}_{count}")

    def label(self, node: Node, name: str) -> None:
        self._by_name.pop(node.name, None)
        node.name = self.unique_name(self.scope + name)
        self._by_name[node.name] = node

    def defer(self, variable: Variable, value: Tensor) -> np.ndarray:
        if not value.shape.is_fully_defined():
            raise ShapeError(
                f"the variable {variable.name!r} needs an initial value of known shape, got {show_shape(value.shape)}"
            )
        variable.name = self.unique_name(self.scope + variable.name)
        waits_for, self.waits_for = self.waits_for, ()
        self.initializers[variable] = self.add(AssignVariable(variable), (value,))
        self.waits_for = waits_for
        self.variables.append(variable)
        return np.zeros(value.shape, value.dtype.numpy).view(Uninitialized)  # type: ignore[arg-type,type-var]

    @contextmanager
    def as_default(self) -> Iterator["SessionGraph"]:
        """Ops called inside become part of this graph."""
        with tracing(self), dispatch.recording([]):
            yield self

    def add_to_collection(self, name: str, value: Any) -> None:
        self.collections.setdefault(name, []).append(value)

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """What was collected under a name; variables are by themselves."""
        if name in ("variables", "trainable_variables"):
            return [v for v in self.variables if v.trainable or name == "variables"]
        return list(self.collections.get(name, []))

    def get_operations(self) -> list[Node]:
        return list(self.nodes)

    def get_operation_by_name(self, name: str) -> Node:
        """Raises TfcliError."""
        if name not in self._by_name:
            raise TfcliError(f"the graph has no operation {name!r}")
        return self._by_name[name]

    def get_tensor_by_name(self, name: str) -> Symbol:
        """`loss:0` is the first output of the operation `loss`. Raises TfcliError."""
        operation, _, index = name.partition(":")
        outputs = self.get_operation_by_name(operation).outputs
        if not index.isdigit() or int(index) >= len(outputs):
            raise TfcliError(
                f"{name!r} names no tensor; the operation {operation!r} has {len(outputs)} outputs, from "
                f"{operation}:0 on"
            )
        return outputs[int(index)]  # type: ignore[return-value]


def session_graph(what: str) -> SessionGraph:
    """The graph being built. Raises TfcliError where there is none."""
    graph = state.graph
    if not isinstance(graph, SessionGraph):
        raise TfcliError(
            f"{what} needs a graph: call tf.compat.v1.disable_eager_execution() first, or use tf.Graph().as_default()"
        )
    return graph


def disable_eager_execution() -> None:
    """From now on ops become part of a default graph, which a Session runs."""
    if state.graph is None:
        state.graph = dispatch.default_graph = SessionGraph()


def enable_eager_execution() -> None:
    """From now on ops are computed at once."""
    state.graph = dispatch.default_graph = None


def get_default_graph() -> SessionGraph:
    """Raises TfcliError."""
    return session_graph("get_default_graph")


def reset_default_graph() -> None:
    """Start a new default graph."""
    if state.graph is not None:
        state.graph = dispatch.default_graph = SessionGraph()


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Symbol:
    """A tensor that each run is fed. Sizes may be None, their number must be known: without a shape it is one number,
    as a learning rate or a rate of dropout. Raises TfcliError.
    """
    graph = session_graph("placeholder")
    shape = () if shape is None else shape
    return labelled_as(name, graph.placeholder(TensorSpec(Shape(shape), as_dtype(dtype), name)))


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Symbol:
    """`input`, where a run is fed nothing else of a shape that `shape` allows. Raises ShapeError."""
    graph, default = session_graph("placeholder_with_default"), convert_to_tensor(input)
    if not _compatible(default.shape, Shape(shape)):
        raise ShapeError(
            f"placeholder_with_default: the input {show_shape(default.shape)} does not fit {show_shape(shape)}"
        )
    return labelled_as(name, PlaceholderWithDefault(Shape(shape))(graph.bring(default)))


def _compatible(shape: Sequence[int | None], wanted: Sequence[int | None]) -> bool:
    return len(shape) == len(wanted) and all(w is None or s in (None, w) for s, w in zip(shape, wanted, strict=True))


def group(*inputs: Any, name: str | None = None) -> Node | None:
    """One operation that runs all of these tensors and operations; None outside of a graph, where they have run."""
    graph = state.graph
    if not isinstance(graph, SessionGraph):
        return None
    nodes = tuple(_node(i) for i in nest.flatten(list(inputs)))
    node = graph.add(NoOp(), ())
    if name is not None:
        graph.label(node, name)
    node.control = (*node.control, *nodes)
    return node


def no_op(name: str | None = None) -> Node | None:
    """An operation that does nothing."""
    return group(name=name)


def _node(value: Any) -> Node:
    return value.node if isinstance(value, Symbol) else value


@contextmanager
def control_dependencies(control_inputs: Iterable[Any] | None) -> Iterator[None]:
    """What is added inside runs after these tensors and operations; None lifts the conditions around.

    Eagerly and in traced functions everything happens in program order anyway.
    """
    graph = state.graph
    if not isinstance(graph, SessionGraph):
        yield
        return
    before = graph.waits_for
    graph.waits_for = (
        () if control_inputs is None else (*before, *(_node(i) for i in control_inputs if not isinstance(i, Variable)))
    )
    try:
        yield
    finally:
        graph.waits_for = before


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Names of what a graph's nodes and variables are called inside start with `name/`."""
    graph = state.graph
    if not isinstance(graph, SessionGraph):
        yield f"{name}/"
        return
    before = graph.scope
    graph.scope = f"{before}{name}/"
    try:
        yield graph.scope
    finally:
        graph.scope = before


def variables_initializer(var_list: Sequence[Variable], name: str = "init") -> Node | None:
    """An operation that gives these variables their first values."""
    graph = session_graph("variables_initializer")
    return group([graph.initializers[v] for v in var_list], name=name)


def global_variables() -> list[Variable]:
    """All variables of the graph so far."""
    return list(session_graph("global_variables").variables)


def trainable_variables() -> list[Variable]:
    return [v for v in global_variables() if v.trainable]


def global_variables_initializer() -> Node | None:
    """An operation that gives every variable made so far its first value."""
    return variables_initializer(global_variables())


class _Sessions(threading.local):
    def __init__(self) -> None:
        self.entered: list[Session] = []


_sessions = _Sessions()


def get_default_session() -> "Session | None":
    return _sessions.entered[-1] if _sessions.entered else None


def running_session(session: "Session | None") -> "Session":
    """This one, or the one that is entered. Raises TfcliError."""
    chosen = session if session is not None else get_default_session()
    if chosen is None:
        raise TfcliError("there is no session: enter one (`with tf.compat.v1.Session() as session:`), or give session=")
    return chosen


class Session:
    """Runs parts of a graph; as a context it is the one that `tensor.eval()` and `operation.run()` use."""

    def __init__(self, target: str = "", graph: SessionGraph | None = None, config: Any = None) -> None:
        """`config` is for devices and threads, of which a session has no choice."""
        if target:
            raise TfcliError(f"Session: everything runs in this process; leave out the target {target!r}")
        self.graph = graph if graph is not None else session_graph("Session")
        self._plans: dict[Any, Plan] = {}
        self._closed = False
        self._within: list[Any] = []

    def __enter__(self) -> "Session":
        within = self.graph.as_default()
        within.__enter__()
        self._within.append(within)
        _sessions.entered.append(self)
        return self

    def __exit__(self, *exception: Any) -> None:
        assert _sessions.entered.pop() is self, "sessions end in the reverse order of their beginning"
        self._within.pop().__exit__(*exception)
        self.close()

    def close(self) -> None:
        self._closed, self._plans = True, {}

    def run(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """The values of `fetches`, arrays in the same structure, None for operations. Only what they need runs, in
        program order.

        Fetches are tensors, variables, operations, or names of them; any tensor may be fed. Raises TfcliError,
        ShapeError, DtypeError.
        """
        if self._closed:
            raise TfcliError("this session is closed; make another one")
        leaves = [self._element(leaf) for leaf in nest.flatten(fetches)]
        feeds = [(self._fed(key), value) for key, value in (feed_dict or {}).items()]
        arrays = [_feed_value(symbol, value) for symbol, value in feeds]
        fed = [symbol for symbol, _ in feeds]
        tensors = [leaf for leaf in leaves if isinstance(leaf, Symbol)]
        targets = [leaf for leaf in leaves if isinstance(leaf, Node)]
        key = tuple(map(id, tensors)), tuple(map(id, targets)), tuple(map(id, fed))
        if key not in self._plans:
            self._plans[key] = Plan(self.graph, tensors, effects=False, feeds=fed, targets=targets)
        with tracing(None), dispatch.recording([]):
            supply = iter(self._plans[key].run(arrays))
        return nest.pack(fetches, [self._result(leaf, supply) for leaf in leaves])

    def _result(self, leaf: Any, supply: Iterator[np.ndarray]) -> Any:
        if isinstance(leaf, Node):
            return None
        return (value_of(leaf) if isinstance(leaf, Variable) else next(supply))[()]

    def _element(self, leaf: Any) -> Any:
        if isinstance(leaf, str):
            return self.graph.get_tensor_by_name(leaf) if ":" in leaf else self.graph.get_operation_by_name(leaf)
        if isinstance(leaf, Symbol) and leaf.graph is not self.graph:
            raise TfcliError(f"{leaf!r} is not part of this session's graph")
        if not isinstance(leaf, Symbol | Variable | Node):
            raise TfcliError(
                f"a session runs tensors, variables and operations of its graph, or their names; got {leaf!r}"
            )
        return leaf

    def _fed(self, key: Any) -> Symbol:
        symbol = self._element(key)
        if not isinstance(symbol, Symbol):
            raise TfcliError(f"feed_dict: tensors are fed, {key!r} is none; variables have `load` and `assign`")
        return symbol


class InteractiveSession(Session):
    """A session that is the one for `eval` and `run` from when it is made until it is closed."""

    def __init__(self, target: str = "", graph: SessionGraph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self.__enter__()

    def close(self) -> None:
        if self in _sessions.entered:
            _sessions.entered.remove(self)
            self._within.pop().__exit__(None, None, None)
        super().close()


def _feed_value(symbol: Symbol, value: Any) -> np.ndarray:
    if isinstance(value, Symbol):
        raise TfcliError(f"feed_dict: {symbol.name} must be fed numbers, not a tensor of the graph")
    given = np.asarray(value.array if isinstance(value, Tensor) else value)
    array = given if given.dtype.kind in "OUS" else given.astype(symbol.dtype.numpy, copy=False)
    if symbol.dtype.is_integer and given.dtype.kind == "f":
        raise DtypeError(
            f"feed_dict: {symbol.name} is {symbol.dtype.name}, and was fed {given.dtype} numbers; round them first"
        )
    if not _compatible(array.shape, symbol.shape):
        raise ShapeError(
            f"feed_dict: {symbol.name} has the shape {show_shape(symbol.shape)}, and was fed "
            f"{show_shape(array.shape)}; a placeholder's shape has None for sizes that change: [None, 16]"
        )
    return array
