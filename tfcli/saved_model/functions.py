"""Traced functions as JSON, and functions that were saved: they run their traces, and cannot make new ones."""

import inspect
import logging
from collections import namedtuple
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tfcli.engine import nest
from tfcli.engine.function import ConcreteFunction, Function
from tfcli.engine.signature import Guards, fits
from tfcli.engine.spec import DType, TensorSpec
from tfcli.engine.tensor import Symbol, Tensor, convert_to_tensor
from tfcli.errors import SpecError, TfcliError
from tfcli.saved_model.graphs import GraphReader, Store, encode_graph
from tfcli.saved_model.values import Damaged, decode, decode_spec, encode, encode_spec, kind_of, shown, unknown

logger = logging.getLogger("tfcli")

_BY_VALUE = (bool, int, float, complex, str, bytes, type(None), DType)
_P = inspect.Parameter
_KINDS = {
    kind.name.lower(): kind
    for kind in (_P.POSITIONAL_ONLY, _P.POSITIONAL_OR_KEYWORD, _P.VAR_POSITIONAL, _P.KEYWORD_ONLY, _P.VAR_KEYWORD)
}


class _Unsaved(Exception):
    """A Python object that has no saved form."""


def _refuse(value: Any) -> Any:
    raise _Unsaved(f"the Python object {shown(value)}")


def encode_structure(structure: Any, leaf: Any) -> Any:
    """Nested lists, tuples and dicts as JSON; `leaf` encodes what is in them. Raises _Unsaved."""
    if isinstance(structure, Mapping):
        if not all(isinstance(key, str | int) and not isinstance(key, bool) for key in structure):
            raise _Unsaved("a dict with keys that are neither texts nor integers")
        return {"dict": [[key, encode_structure(value, leaf)] for key, value in structure.items()]}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        items = [encode_structure(item, leaf) for item in structure]
        return {"named": [type(structure).__name__, list(structure._fields), items]}
    if isinstance(structure, list | tuple):
        return {"list" if isinstance(structure, list) else "tuple": [encode_structure(i, leaf) for i in structure]}
    return leaf(structure)


def decode_structure(content: Any, leaf: Any) -> Any:
    """What `encode_structure` was given; `leaf(kind, content)` decodes the rest. Raises Damaged."""
    match kind_of(content):
        case "dict", list(pairs) if all(
            isinstance(p, list) and len(p) == 2 and type(p[0]) in (str, int) for p in pairs
        ):
            return {key: decode_structure(value, leaf) for key, value in pairs}
        case "named", [str(name), list(fields), list(items)]:
            return _named_tuple(name, fields)(*[decode_structure(item, leaf) for item in items])
        case "list" | "tuple" as kind, list(items):
            return (list if kind == "list" else tuple)(decode_structure(item, leaf) for item in items)
        case kind, inside:
            return leaf(kind, inside)


def _named_tuple(name: str, fields: list[Any]) -> Any:
    try:
        return namedtuple(name, fields)
    except (TypeError, ValueError) as error:
        raise Damaged(f"there is no named tuple {shown(name)} of {shown(fields)}: {error}") from error


def _plain(value: Any) -> Any:
    if not isinstance(value, _BY_VALUE):
        return _refuse(value)
    return {"value": encode(value, _refuse)}


def _plain_leaf(kind: str, content: Any) -> Any:
    return decode(content, unknown) if kind == "value" else unknown(kind, content)


# A trace's key: the arguments without their tensors, as tfcli.engine.signature describes them.


def _encode_key(key: Any) -> Any:
    if key is Tensor:
        return {"tensor": True}
    kind, content = key
    if kind is list or kind is tuple:
        return {kind.__name__: [_encode_key(item) for item in content]}
    if kind is dict and all(type(name) in (str, int) for name, _ in content):
        return {"dict": [[name, _encode_key(item)] for name, item in content]}
    if kind in _BY_VALUE:
        return {"value": encode(content, _refuse)}
    raise _Unsaved(f"an object of the Python class {kind.__name__}")


def _decode_key(content: Any) -> Hashable:
    match kind_of(content):
        case "tensor", True:
            return Tensor
        case "list" | "tuple" as kind, list(items):
            return list if kind == "list" else tuple, tuple(_decode_key(item) for item in items)
        case "dict", list(pairs) if all(
            isinstance(p, list) and len(p) == 2 and type(p[0]) in (str, int) for p in pairs
        ):
            return dict, tuple((name, _decode_key(item)) for name, item in pairs)
        case "value", inside:
            value = decode(inside, unknown)
            if isinstance(value, _BY_VALUE):
                return type(value), value
    raise Damaged(f"{shown(content)} is no argument of a function")


def encode_function(function: Function, what: str, store: Store) -> dict[str, Any]:
    """Every trace of the function. Raises SpecError for one that cannot be saved."""
    if function.input_signature is not None and not function.concrete_functions:
        function.get_concrete_function()
    traces = []
    for concrete in function.concrete_functions:
        try:
            key = _encode_key(_key_of(function, concrete))
        except _Unsaved as error:
            logger.warning("a trace of %s is not saved: it was called with %s", what, error)
        else:
            traces.append({"arguments": key, **encode_concrete(concrete, what, store)})
    try:
        signature = function.input_signature
        return {
            "name": function.name,
            "parameters": _encode_parameters(function.parameters),
            "input_signature": None if signature is None else encode_structure(signature, _spec_leaf),
            "traces": traces,
        }
    except _Unsaved as error:
        raise SpecError(f"{what} cannot be saved: a default of its parameters is {error}") from error


def _key_of(function: Function, concrete: ConcreteFunction) -> Any:
    """The description of the arguments under which the trace was made, rather than found again."""
    wanted = [(spec.dtype.name, spec.shape) for spec in concrete.inputs]
    return next(key for key, specs, found in function.traces() if found is concrete and list(specs) == wanted)


def _spec_leaf(value: Any) -> Any:
    return {"spec": encode_spec(value)}


def encode_concrete(concrete: ConcreteFunction, what: str, store: Store) -> dict[str, Any]:
    """One trace: its graph, inputs and the structure of its outputs. Raises SpecError."""
    places: list[Tensor] = []

    def leaf(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return _plain(value)
        places.append(value)
        return {"output": len(places) - 1}

    try:
        outputs = encode_structure(concrete.outputs, leaf)
    except _Unsaved as error:
        raise SpecError(f"{what} cannot be saved: it returns {error}") from error
    specs = concrete.inputs
    return {
        "inputs": [encode_spec(TensorSpec(s.shape, s.dtype, n)) for s, n in zip(specs, concrete.names, strict=True)],
        "outputs": outputs,
        "graph": encode_graph(concrete.graph, places, store, what),
    }


def decode_concrete(content: Any, reader: GraphReader) -> ConcreteFunction:
    """Raises Damaged."""
    match content:
        case {"inputs": list(inputs), "outputs": outputs, "graph": graph_content}:
            graph, places = reader.graph(graph_content)
            specs = [decode_spec(spec) for spec in inputs]
        case _:
            raise Damaged("a trace must have inputs, outputs and a graph")
    found = [(symbol.shape, symbol.dtype) for symbol in graph.inputs]
    if found != [(spec.shape, spec.dtype) for spec in specs]:
        raise Damaged(f"graph {graph.name!r}: its inputs are not those of the function")

    def leaf(kind: str, number: Any) -> Any:
        if kind != "output":
            return _plain_leaf(kind, number)
        if type(number) is not int or not 0 <= number < len(places):
            raise Damaged(f"graph {graph.name!r} has no output {shown(number)}")
        return places[number]

    return ConcreteFunction(graph, decode_structure(outputs, leaf), [str(spec.name) for spec in specs])


def decode_function(content: Any, reader: GraphReader) -> "SavedFunction":
    """Raises Damaged."""
    match content:
        case {"name": str(name), "parameters": parameters, "input_signature": signature, "traces": list(traces)}:
            function = SavedFunction(name, _decode_parameters(parameters), _decode_signature(signature))
        case _:
            raise Damaged("a function must have a name, parameters, an input_signature and traces")
    for trace in traces:
        if not isinstance(trace, dict) or "arguments" not in trace:
            raise Damaged(f"function {name!r}: a trace must say for which arguments it was made")
        key, concrete = _decode_key(trace["arguments"]), decode_concrete(trace, reader)
        if _tensors_in(key) != len(concrete.inputs):
            raise Damaged(f"function {name!r}: {_tensors_in(key)} tensors are given, its graph takes others")
        function.add_trace(key, concrete)
    return function


def _tensors_in(key: Any) -> int:
    if key is Tensor:
        return 1
    kind, content = key
    if kind in (list, tuple):
        return sum(map(_tensors_in, content))
    return sum(_tensors_in(item) for _, item in content) if kind is dict else 0


def _decode_signature(content: Any) -> Sequence[Any] | None:
    if content is None:
        return None
    signature = decode_structure(
        content, lambda kind, spec: decode_spec(spec) if kind == "spec" else unknown(kind, spec)
    )
    if not isinstance(signature, tuple):
        raise Damaged("an input_signature must be a tuple")
    return signature


def _encode_parameters(signature: inspect.Signature | None) -> Any:
    if signature is None:
        return None
    return [
        {"name": p.name, "kind": p.kind.name.lower()}
        | ({} if p.default is p.empty else {"default": encode_structure(p.default, _plain)})
        for p in signature.parameters.values()
    ]


def _decode_parameters(content: Any) -> inspect.Signature | None:
    if content is None:
        return None
    if not isinstance(content, list):
        raise Damaged("parameters must be a list")
    parameters = []
    for item in content:
        match item:
            case {"name": str(name), "kind": str(kind)} if kind in _KINDS and name.isidentifier():
                default = (
                    decode_structure(item["default"], _plain_leaf) if "default" in item else inspect.Parameter.empty
                )
                parameters.append(inspect.Parameter(name, _KINDS[kind], default=default))
            case _:
                raise Damaged(f"{shown(item)} is no parameter")
    try:
        return inspect.Signature(parameters)
    except ValueError as error:
        raise Damaged(f"the parameters do not go together: {error}") from error


class SavedFunction(Function):
    """A function whose Python code is not there: it runs the traces that were saved with it.

    Raises TfcliError where none of them fits the arguments, naming those that there are.
    """

    def __init__(
        self, name: str, parameters: inspect.Signature | None, input_signature: Sequence[Any] | None = None
    ) -> None:
        super().__init__(self._without_code, input_signature, name)
        self.parameters = parameters

    def add_trace(self, key: Hashable, concrete: ConcreteFunction) -> None:
        """`key` describes the arguments for which it was made."""
        self._traces[key, tuple((spec.dtype.name, spec.shape) for spec in concrete.inputs)] = concrete, Guards()

    def _without_code(self, *args: Any, **kwargs: Any) -> Any:
        """What functions that run eagerly call."""
        concrete, tensors = self._find(args, kwargs)
        return concrete.call_flat(tensors)

    def _trace(self, arguments: Any, specs: Any, key: Any, guards: Guards) -> Any:
        raise TfcliError(self._no_trace(arguments))

    def _find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ConcreteFunction, list[Tensor]]:
        """As for any function; where no trace was made for the arguments, one that they can be converted for."""
        arguments = self._canonical(args, kwargs)
        try:
            return super()._find(args, kwargs)
        except TfcliError:
            for key, _, concrete in self.traces():
                leaves = _converted(key, arguments, iter(concrete.inputs))
                if leaves is not None:
                    return concrete, leaves
            raise

    def _no_trace(self, arguments: Any) -> str:
        args, kwargs = arguments
        came = ", ".join([*map(_summary, args), *(f"{name}={_summary(value)}" for name, value in kwargs.items())])
        known = [self._described(key, concrete) for key, _, concrete in self.traces()]
        if not known:
            return f"{self.name}({came}): no trace of it was saved; call it once before it is saved"
        return (
            f"{self.name}({came}): a loaded function runs what was traced before it was saved, and traces of it were "
            f"saved for {' and '.join(known[:5])}; call it like that, or call it so before it is saved"
        )

    @staticmethod
    def _described(key: Any, concrete: ConcreteFunction) -> str:
        (_, (positional, (_, named))), specs = key, iter(concrete.inputs)
        args = [_described(item, specs) for item in positional[1]]
        return f"({', '.join([*args, *(f'{name}={_described(item, specs)}' for name, item in named)])})"


def _summary(value: Any) -> str:
    leaves = [str(v.spec) if isinstance(v, Tensor) else shown(v) for v in nest.flatten(value)]
    return leaves[0] if len(leaves) == 1 else f"[{', '.join(leaves)}]"


def _described(key: Any, specs: Any) -> str:
    """The arguments of a trace as they would be given: `(float32(4, 3), 2)`."""
    if key is Tensor:
        return str(next(specs))
    kind, content = key
    if kind is dict:
        return "{" + ", ".join(f"{name!r}: {_described(item, specs)}" for name, item in content) + "}"
    if kind in (list, tuple):
        inner = ", ".join(_described(item, specs) for item in content)
        return f"({inner})" if kind is tuple else f"[{inner}]"
    return repr(content)


def _converted(key: Any, value: Any, specs: Any) -> list[Tensor] | None:
    """The tensors in `value`, what stands in the place of one converted to one; None where they do not fit."""
    if key is Tensor:
        spec = next(specs)
        if isinstance(value, Symbol | Tensor) and value.dtype != spec.dtype:
            return None
        try:
            tensor = convert_to_tensor(value, spec.dtype)
        except (TfcliError, TypeError):
            return None
        came, wanted = (tensor.dtype.name, tensor.shape), (spec.dtype.name, spec.shape)
        return [tensor] if fits([came], [wanted]) else None
    kind, content = key
    if kind is dict:
        if not isinstance(value, Mapping) or set(value) != {name for name, _ in content}:
            return None
        pairs = [(item, value[name]) for name, item in content]
    elif kind in (list, tuple):
        if not isinstance(value, list | tuple) or len(value) != len(content):
            return None
        pairs = list(zip(content, value, strict=True))
    else:
        return [] if type(value) is kind and value == content else None
    found: list[Tensor] = []
    for inner, given in pairs:
        leaves = _converted(inner, given, specs)
        if leaves is None:
            return None
        found += leaves
    return found
