"""Objects as JSON: which variables, functions and other objects are their attributes; and what is loaded from it."""

import inspect
from collections.abc import Mapping
from typing import Any

from tfcli.engine import nest
from tfcli.engine.function import ConcreteFunction, Function
from tfcli.engine.module import Module, attributes_of, is_module
from tfcli.engine.tensor import Variable
from tfcli.errors import TfcliError
from tfcli.saved_model.functions import SavedFunction, decode_function, encode_function
from tfcli.saved_model.graphs import GraphReader, Store, numbered
from tfcli.saved_model.values import Damaged, kind_of, shown

CALL = "__call__"


class ObjectWriter:
    """Collects the objects that can be reached from one, with their variables and functions."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.objects: list[dict[str, Any]] = []
        self.functions: list[tuple[Function, str]] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []
        """What was numbered by its id."""

    def object(self, value: Any, path: str = "") -> int:
        """The object's number."""
        if id(value) in self._numbers:
            return self._numbers[id(value)]
        number = self._numbers[id(value)] = len(self.objects)
        self._kept.append(value)
        name = getattr(value, "name", None)
        entry: dict[str, Any] = {"class": type(value).__name__, "name": name if isinstance(name, str) else None}
        self.objects.append(entry)
        prefix = f"{path}/" if path else ""
        saved = {key: self._value(item, prefix + key) for key, item in attributes_of(value).items()}
        saved |= {key: self._function(item, prefix + key) for key, item in functions_of(value, not number).items()}
        entry["attributes"] = {key: item for key, item in saved.items() if item is not None}
        return number

    def _value(self, value: Any, path: str) -> Any:
        """JSON for an attribute; None for what is not saved: numbers, texts and whatever else Python has."""
        if isinstance(value, Variable):
            return {"variable": self.store.number(value, path)}
        if isinstance(value, Function):
            return self._function(value, path)
        if is_module(value):
            return {"object": self.object(value, path)}
        if isinstance(value, Mapping):
            found = {str(key): self._value(item, f"{path}/{key}") for key, item in value.items()}
            return {"dict": {k: v for k, v in found.items() if v is not None}} if any(found.values()) else None
        if isinstance(value, list | tuple):
            items = [self._value(item, f"{path}/{i}") for i, item in enumerate(value)]
            return {"list": items} if any(items) else None
        return None

    def _function(self, function: Function, path: str) -> dict[str, int]:
        for number, (other, _) in enumerate(self.functions):
            if other is function:
                return {"function": number}
        self.functions.append((function, path))
        return {"function": len(self.functions) - 1}

    def root_functions(self) -> dict[str, Function]:
        """The functions of the object that is saved, by the names of its attributes."""
        attributes = self.objects[0]["attributes"]
        return {key: self.functions[item["function"]][0] for key, item in attributes.items() if "function" in item}

    def encode_functions(self) -> list[dict[str, Any]]:
        """Raises SpecError."""
        return [encode_function(function, path, self.store) for function, path in self.functions]


def functions_of(value: Any, is_root: bool) -> dict[str, Function]:
    """The traced functions of an object's class, bound to it, and what the object that is saved has made for that."""
    found = {
        name: getattr(value, name)
        for name, _ in inspect.getmembers_static(type(value), lambda member: isinstance(member, Function))
    }
    made = value.functions_to_save() if is_root and hasattr(type(value), "functions_to_save") else {}
    return found | made


class LoadedObject(Module):
    """An object that was saved: its variables, functions and objects under their names, its class's code gone."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the object did when it was called, if that was a traced function. Raises TfcliError."""
        call = self.__dict__.get(CALL)
        if call is None:
            functions = [name for name, value in vars(self).items() if isinstance(value, Function)]
            raise TfcliError(
                f"{self.name} was saved without a traced __call__; its functions are: {', '.join(functions) or 'none'}"
            )
        return call(*args, **kwargs)

    def tracked_attributes(self) -> dict[str, Any]:
        """What it has, in the order in which it was saved."""
        return {name: value for name, value in vars(self).items() if name not in ("_name", "signatures")}

    def __repr__(self) -> str:
        return f"<tf.saved_model object {self.name}: {', '.join(self.tracked_attributes())}>"


class ObjectReader:
    """Makes objects of what `ObjectWriter` wrote. Raises Damaged."""

    def __init__(self, objects: Any, functions: Any, store: Store) -> None:
        if not isinstance(objects, list) or not objects or not isinstance(functions, list):
            raise Damaged("it must list objects, the first of them the one that was saved, and functions")
        self.store = store
        self.functions: list[SavedFunction] = [decode_function(item, GraphReader(store)) for item in functions]
        self.objects = [LoadedObject() for _ in objects]
        for made, content in zip(self.objects, objects, strict=True):
            self._fill(made, content)

    def _fill(self, made: LoadedObject, content: Any) -> None:
        match content:
            case {"class": str(), "name": str() | None as name, "attributes": dict(attributes)}:
                made.__dict__["_name"] = name or content["class"]
            case _:
                raise Damaged(f"{shown(content)} is no object")
        for key, value in attributes.items():
            if key.startswith("__") and key != CALL:
                raise Damaged(f"no object has the attribute {key!r}")
            made.__dict__[key] = self._value(value)

    def _value(self, content: Any) -> Any:
        match kind_of(content) if content is not None else None:
            case None:
                return None
            case "variable", number:
                return numbered(number, self.store.variables, "variable")
            case "function", number:
                return numbered(number, self.functions, "function")
            case "object", number:
                return numbered(number, self.objects, "object")
            case "list", list(items):
                return [self._value(item) for item in items]
            case "dict", dict(items):
                return {key: self._value(item) for key, item in items.items()}
        raise Damaged(f"{shown(content)} is no attribute of an object")


def as_signature(concrete: ConcreteFunction) -> ConcreteFunction:
    """The trace with its outputs in a dict: as they are named, or `output_0`, `output_1`, …"""
    outputs = concrete.outputs
    if not isinstance(outputs, dict) or any(isinstance(value, list | tuple | dict) for value in outputs.values()):
        outputs = {f"output_{i}": leaf for i, leaf in enumerate(nest.flatten(outputs))}
    return ConcreteFunction(concrete.graph, outputs, concrete.names)
