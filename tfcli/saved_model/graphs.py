"""Graphs as JSON: nodes in program order, each with its op's fields and where its inputs come from."""

import typing
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from tfcli.engine import ops
from tfcli.engine.graph.execute import needed
from tfcli.engine.graph.ir import Constant, Graph, Node, Placeholder, value_of
from tfcli.engine.graph.passes import optimize
from tfcli.engine.graph.passes.rounding import round_operands
from tfcli.engine.op import OPS, Op
from tfcli.engine.ops.control import Body
from tfcli.engine.precision import LowPrecision
from tfcli.engine.tensor import Symbol, Tensor, Variable
from tfcli.errors import SpecError, TfcliError
from tfcli.saved_model.arrays import Arrays, decode_array, encode_array
from tfcli.saved_model.bodies import check_bodies
from tfcli.saved_model.values import Damaged, decode, decode_spec, encode, encode_spec, is_a, kind_of, shown, unknown

_REFUSED = {
    "py_function": "runs Python code (tf.py_function, tf.numpy_function), which is not saved",
    "custom_gradient": "has a gradient in Python code (tf.custom_gradient), which is not saved",
    "preprocess": "works with what a preprocessing layer learned, which has no form in a graph; preprocess before it",
    "fused": "is made by the passes, and runs on this machine alone",
    "with_epilogue": "is made by the passes, and runs on this machine alone",
    "placeholder_with_default": "belongs to a session",
    "no_op": "belongs to a session",
}
_DEEPEST = 32
"""How far bodies may lie inside each other."""


class Store:
    """What a file's graphs share: variables and arrays."""

    def __init__(self, variables: Sequence[Variable] = (), arrays: Arrays | None = None) -> None:
        self.arrays: Arrays = {} if arrays is None else arrays
        self.variables: list[Variable] = list(variables)
        self.paths: list[str] = []
        """Where the variables were found."""
        self._numbers = {variable: i for i, variable in enumerate(self.variables)}

    def number(self, variable: Variable, path: str | None = None) -> int:
        """The variable's number, a new one where it has none; `path` says where it was found."""
        if variable not in self._numbers:
            wanted, count = path or variable.name, 1
            while (unique := wanted if count == 1 else f"{wanted}_{count - 1}") in self.paths:
                count += 1
            self._numbers[variable] = len(self.variables)
            self.variables.append(variable)
            self.paths.append(unique)
        return self._numbers[variable]

    def keep(self, array: np.ndarray) -> Any:
        """JSON that stands for a constant."""
        return encode_array(array, f"constants/{len(self.arrays)}", self.arrays)

    def encode_variables(self) -> list[dict[str, Any]]:
        """Raises TfcliError for one without a value."""
        return [
            {
                "name": variable.name,
                "shape": list(variable.shape),
                "trainable": variable.trainable,
                "value": encode_array(value_of(variable), f"variables/{path}", self.arrays),
            }
            for path, variable in zip(self.paths, self.variables, strict=True)
        ]


def encode_graph(graph: Graph, outputs: Sequence[Tensor], store: Store, what: str) -> dict[str, Any]:
    """The part of the graph that `outputs` and effects need; `what` names it in errors. Raises SpecError."""
    if any(isinstance(node.op, LowPrecision) for node in graph.nodes):
        graph, outputs = optimize(graph, outputs, (round_operands,))
    kept = {id(node) for node in needed(graph, outputs, effects=True, feeds=[])}
    kept |= {id(symbol.node) for symbol in graph.inputs}
    nodes = [node for node in graph.nodes if id(node) in kept]
    numbers = {id(node): i for i, node in enumerate(nodes)}

    def place(symbol: Any) -> list[int]:
        return [numbers[id(symbol.node)], symbol.index]

    return {
        "name": graph.name,
        "inputs": [numbers[id(symbol.node)] for symbol in graph.inputs],
        "nodes": [_encode_node(node, [place(i) for i in node.inputs], store, what) for node in nodes],
        "outputs": [place(output) for output in outputs],
    }


def _encode_node(node: Node, inputs: list[list[int]], store: Store, what: str) -> dict[str, Any]:
    op = node.op
    if op.name in _REFUSED:
        raise SpecError(f"{what} cannot be saved: its operation {op.name} {_REFUSED[op.name]}")

    def elsewhere(value: Any) -> Any:
        match value:
            case Variable():
                return {"variable": store.number(value)}
            case np.ndarray():
                return {"constant": store.keep(value)}
            case Body():
                count = len(value.inputs)
                return {"body": {"inputs": count, "graph": encode_graph(value.graph, value.outputs, store, what)}}
        raise SpecError(f"{what} cannot be saved: its operation {op!r} holds {shown(value)}")

    saved: dict[str, Any] = {"op": op.name}
    fields = {name: encode(getattr(op, name), elsewhere) for name in saved_fields(type(op))}
    if isinstance(op, Placeholder):
        fields = {"spec": {"spec": encode_spec(op.spec)}}
    if fields:
        saved["fields"] = fields
    if inputs:
        saved["inputs"] = inputs
    if node.scope:
        saved["scope"] = node.scope
    return saved


def saved_fields(cls: type[Op]) -> list[str]:
    """The settings of an op; what says that it has no gradient is no setting."""
    return [name for name in cls.fields if not name.startswith("vjp")]


class GraphReader:
    """Makes graphs from JSON. Nothing of it is believed before it was checked, and nothing runs."""

    def __init__(self, store: Store) -> None:
        self.store, self._depth = store, 0

    def graph(self, content: Any) -> tuple[Graph, list[Symbol]]:
        """A graph and its outputs. Raises Damaged, naming the node."""
        match content:
            case {"name": str(name), "inputs": list(inputs), "nodes": list(nodes), "outputs": list(outputs)}:
                graph = Graph(name)
            case _:
                raise Damaged("a graph must have a name, inputs, nodes and outputs")
        made: list[Node] = []
        for i, node in enumerate(nodes):
            try:
                made.append(self._node(graph, node, made, len(graph.inputs)))
            except Damaged as error:
                raise Damaged(f"graph {name!r}, node {i} ({_op_name(node)}): {error}") from error
            if isinstance(made[-1].op, Placeholder):
                graph.inputs.append(made[-1].outputs[0])  # type: ignore[arg-type]
        if sorted(map(repr, inputs)) != sorted(repr(i) for i, n in enumerate(made) if isinstance(n.op, Placeholder)):
            raise Damaged(f"graph {name!r}: its inputs must be its placeholders, each once")
        graph.order_inputs([made[i].outputs[0] for i in inputs])
        return graph, [_symbol(place, made) for place in outputs]

    def _node(self, graph: Graph, content: Any, made: list[Node], placeholders: int) -> Node:
        match content:
            case {"op": str(name)} if content.keys() <= {"op", "fields", "inputs", "scope"}:
                fields, places = content.get("fields", {}), content.get("inputs", [])
            case _:
                raise Damaged(f"{shown(content)} is no node")
        if not isinstance(fields, dict) or not isinstance(places, list):
            raise Damaged("fields must be a mapping and inputs a list")
        inputs = [_symbol(place, made) for place in places]
        op = self._op(op_class(name), fields, placeholders)
        count = len(type(op).inputs)
        if not type(op).variadic and len(inputs) > count:
            raise Damaged(f"it has {len(inputs)} inputs, and takes {count}")
        check_bodies(op, [symbol.spec for symbol in inputs])
        try:
            node = graph.add(op, tuple(inputs))
        except (
            TfcliError,
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise Damaged(f"its inputs and fields do not go together: {error}") from error
        node.scope = scope if isinstance(scope := content.get("scope", ""), str) else ""
        return node

    def _op(self, cls: type[Op], given: dict[str, Any], placeholders: int) -> Op:
        if cls is Constant:
            (content,) = self._only(given, ["value"])
            kind, array = kind_of(content)
            if kind != "constant":
                raise Damaged("a constant must hold an array")
            return Constant(decode_array(array, self.store.arrays))
        if cls is Placeholder:
            (content,) = self._only(given, ["spec"])
            return Placeholder(decode_spec(kind_of(content)[1]), placeholders)
        names, hints = saved_fields(cls), _hints(cls)  # type: ignore[arg-type]  # classes are hashable
        values = [decode(content, self._elsewhere) for content in self._only(given, names)]
        for name, value in zip(names, values, strict=True):
            if not is_a(value, hints[name]):
                raise Damaged(f"the field {name} is {shown(value)}")
        return cls(**dict(zip(names, values, strict=True)))

    def _only(self, given: dict[str, Any], names: Sequence[str]) -> list[Any]:
        if given.keys() != set(names):
            raise Damaged(f"its fields are {', '.join(given) or 'none'}; expected {', '.join(names) or 'none'}")
        return [given[name] for name in names]

    def _elsewhere(self, kind: str, content: Any) -> Any:
        match kind, content:
            case "variable", number:
                return numbered(number, self.store.variables, "variable")
            case "body", {"inputs": int(count), "graph": graph}:
                return self._body(count, graph)
        return unknown(kind, content)

    def _body(self, count: int, content: Any) -> Body:
        if self._depth >= _DEEPEST:
            raise Damaged(f"bodies lie inside each other more than {_DEEPEST} deep")
        self._depth += 1
        graph, outputs = self.graph(content)
        self._depth -= 1
        if not 0 <= count <= len(graph.inputs):
            raise Damaged(f"a body with {len(graph.inputs)} inputs cannot be fed {count} first")
        stateful = [node.op.name for node in graph.nodes if node.op.name in ("read_variable", "assign_variable")]
        if stateful:
            raise Damaged(f"a body must be a function of its inputs, and has {stateful[0]}")
        return Body.of(graph, graph.inputs[:count], outputs)


def op_class(name: str) -> type[Op]:
    """Raises Damaged for an op that there is not, or that no file may ask for."""
    if name not in OPS:
        for module in iter_modules(ops.__path__):
            import_module(f"{ops.__name__}.{module.name}")
    if name in _REFUSED or name not in OPS:
        raise Damaged(f"there is no operation {name!r} that can be loaded; this file may need a newer tfcli")
    return OPS[name]


@cache
def _hints(cls: type[Op]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _op_name(node: Any) -> str:
    return shown(node.get("op") if isinstance(node, dict) else node)


def _symbol(place: Any, made: Sequence[Node]) -> Symbol:
    match place:
        case [int(node), int(index)] if 0 <= node < len(made) and 0 <= index < len(made[node].outputs):
            return made[node].outputs[index]  # type: ignore[return-value]
    raise Damaged(f"{shown(place)} is no output of an earlier node")


def numbered(number: Any, items: Sequence[Any], what: str) -> Any:
    """The item of that number. Raises Damaged."""
    if type(number) is not int or not 0 <= number < len(items):
        raise Damaged(f"there is no {what} {shown(number)}")
    return items[number]
