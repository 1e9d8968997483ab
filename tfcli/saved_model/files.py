"""The directory of a saved model, see docs/saved_model.md."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tfcli.engine.dispatch import init_scope
from tfcli.engine.function import ConcreteFunction, Function
from tfcli.engine.module import is_module
from tfcli.engine.tensor import Variable
from tfcli.errors import DataError, SpecError
from tfcli.logging.durable import DirectoryWriter, plain_errors, to_json
from tfcli.logging.tensors import decode_tensors, encode_tensors
from tfcli.saved_model.arrays import ARRAYS, decode_array
from tfcli.saved_model.functions import decode_concrete, encode_concrete
from tfcli.saved_model.graphs import GraphReader, Store
from tfcli.saved_model.objects import CALL, LoadedObject, ObjectReader, ObjectWriter, as_signature
from tfcli.saved_model.values import Damaged, shape_of

GRAPH = "graph.json"
VERSION = 1
SERVING = "serving_default"


def save(obj: Any, export_dir: str | Path, signatures: Any = None) -> None:
    """Save a Module, layer or model with its variables and traced functions, to be loaded without its Python code.

    `signatures` is a traced function of an `input_signature`, a concrete function, or a dict of such by name; without
    it, `serving_default` is the object's call (or its only function) where that was traced for tensors of one kind.
    What was there before is replaced. Raises SpecError for what cannot be saved, CheckpointError where the disk
    refuses.
    """
    if not is_module(obj) and not hasattr(obj, "__dict__"):
        raise SpecError(f"saved_model.save takes a tf.Module, a layer or a model, got {type(obj).__name__}")
    with init_scope():
        store = Store()
        writer = ObjectWriter(store)
        writer.object(obj)
        functions = writer.encode_functions()
        chosen = _default_signature(writer.root_functions()) if signatures is None else _signatures(signatures)
        exported = {name: encode_concrete(c, f"the signature {name!r}", store) for name, c in chosen.items()}
        content = {
            "format": "tfcli saved_model",
            "version": VERSION,
            "objects": writer.objects,
            "functions": functions,
            "signatures": exported,
            "variables": store.encode_variables(),
        }
    with DirectoryWriter(Path(export_dir)) as directory:
        directory.add(ARRAYS, encode_tensors(store.arrays))
        directory.add(GRAPH, to_json(content).encode())


def _default_signature(functions: dict[str, Function]) -> dict[str, ConcreteFunction]:
    """The first trace of the call, or else of the only function, if all its traces are for the same tensors."""
    function = functions.get(CALL) or (next(iter(functions.values())) if len(functions) == 1 else None)
    traces = [] if function is None else function.concrete_functions
    return {SERVING: as_signature(traces[0])} if traces and all(t.inputs == traces[0].inputs for t in traces) else {}


def _signatures(signatures: Any) -> dict[str, ConcreteFunction]:
    named = signatures if isinstance(signatures, Mapping) else {SERVING: signatures}
    return {str(name): as_signature(_concrete(str(name), function)) for name, function in named.items()}


def _concrete(name: str, function: Any) -> ConcreteFunction:
    if isinstance(function, ConcreteFunction):
        return function
    if not isinstance(function, Function):
        raise SpecError(
            f"the signature {name!r} must be a @tf.function or what its get_concrete_function gives, "
            f"got {type(function).__name__}"
        )
    if function.input_signature is not None:
        return function.get_concrete_function()
    if len(function.concrete_functions) == 1:
        return function.concrete_functions[0]
    raise SpecError(
        f"the signature {name!r}: {function.name} has {len(function.concrete_functions)} traces and no "
        "input_signature; give one of them: function.get_concrete_function(tf.TensorSpec([None, 3]))"
    )


def contains_saved_model(export_dir: str | Path) -> bool:
    """Whether the directory holds what `save` writes."""
    directory = Path(export_dir)
    return (directory / GRAPH).is_file() and (directory / ARRAYS).is_file()


def load(export_dir: str | Path) -> LoadedObject:
    """What `save` wrote: an object with the variables, functions and objects of the one that was saved.

    Its `signatures` map names to functions from tensors to a dict of tensors. Nothing in the files is executed before
    one of the functions is called. Raises DataError, naming the file and the node, for what is missing or damaged.
    """
    directory = Path(export_dir)
    if not contains_saved_model(directory):
        raise DataError(f"{directory} is no saved model: it has no {GRAPH} and {ARRAYS}")
    with plain_errors(directory / ARRAYS, "read"):
        data = (directory / ARRAYS).read_bytes()
    arrays = decode_tensors(data, str(directory / ARRAYS))
    path = directory / GRAPH
    with init_scope():
        try:
            return _read(json.loads(path.read_bytes()), arrays)
        except Damaged as error:
            raise DataError(f"{path} cannot be loaded: {error}") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is damaged: {error}") from error


def _read(content: Any, arrays: Any) -> LoadedObject:
    if not isinstance(content, dict) or content.get("format") != "tfcli saved_model":
        raise Damaged("it does not say that it is a saved model of tfcli")
    if content.get("version") != VERSION:
        raise Damaged(f"it has version {content.get('version')!r}; this tfcli reads version {VERSION}")
    match content:
        case {"variables": list(variables), "signatures": dict(signatures), "objects": objects, "functions": functions}:
            store = Store([_variable(v, arrays) for v in variables], arrays)
        case _:
            raise Damaged("it must have objects, functions, signatures and variables")
    root = ObjectReader(objects, functions, store).objects[0]
    made = {name: decode_concrete(trace, GraphReader(store)) for name, trace in signatures.items()}
    root.__dict__["signatures"] = MappingProxyType(made)
    return root


def _variable(content: Any, arrays: Any) -> Variable:
    match content:
        case {"name": str(name), "shape": sizes, "trainable": bool(trainable), "value": value}:
            array, shape = decode_array(value, arrays), shape_of(sizes)
        case _:
            raise Damaged("a variable must have a name, shape, trainable and value")
    if array.ndim != len(shape) or any(s not in (None, d) for s, d in zip(shape, array.shape, strict=True)):
        raise Damaged(f"the variable {name!r} has the shape {shape}, its array {array.shape}")
    return Variable(array, trainable, name, shape=shape)
