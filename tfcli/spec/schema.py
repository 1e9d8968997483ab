"""The JSON Schema (draft 2020-12) of a spec, from the declarations: for editors, and for `tfcli schema`."""

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tfcli.declare import Declared, Range, describe, plain, snake_case

Schema = dict[str, Any]


def json_schema(declaration: type[Declared]) -> Schema:
    """The schema of a spec of `declaration`."""
    definitions: dict[str, Schema] = {}
    top = _Generator(definitions).object(declaration)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tfcli experiment"}
    return head | top | {"$defs": dict(sorted(definitions.items()))}


class _Generator:
    """Collects a definition for each class and kind that it meets."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self.definitions = definitions

    def object(self, cls: type[Declared]) -> Schema:
        """A mapping with the fields of `cls`, and `type` where it is of a kind."""
        fields = cls.fields().values()
        properties = {"type": _name(cls)} if cls.registry is not None else {}
        for item in fields:
            schema = self.of(item.annotation)
            note = field_docs(cls).get(item.name)
            default = {} if item.required else {"default": plain(item.default)}
            properties[item.name] = schema | {"description": note or describe(item.annotation)} | default
        required = ["type"] if cls.registry is not None else []
        may_be_empty = cls.registry is None and not any(item.required for item in fields)
        return {
            "description": inspect.cleandoc(cls.__doc__ or cls.type_name).split("\n\n")[0],
            "type": ["object", "null"] if may_be_empty else "object",
            "properties": properties,
            "required": required + [item.name for item in fields if item.required],
            "additionalProperties": False,
        }

    def reference(self, name: str, make: Any) -> Schema:
        name = name.replace(" ", "_")
        if name not in self.definitions:
            self.definitions[name] = {}  # so that a class may hold its own kind
            self.definitions[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def declared(self, cls: type[Declared]) -> Schema:
        if cls.registry is None:
            return self.reference(cls.type_name, lambda: self.object(cls))
        return self.reference(snake_case(cls.__name__), lambda: self.kind(cls))

    def kind(self, root: type[Declared]) -> Schema:
        """A node: a mapping with its `type`, or the bare name of a class that needs nothing else."""
        assert root.registry is not None
        members = [cls for cls in root.registry if issubclass(cls, root)]
        bare = [cls for cls in members if not any(item.required for item in cls.fields().values())]
        nodes = [
            self.reference(f"{root.registry.kind}.{cls.type_name}", lambda cls=cls: self.object(cls)) for cls in members
        ]
        names = [{"anyOf": [schema for cls in bare for schema in _name(cls)["anyOf"]]}] if bare else []
        return {"description": _article(root), "anyOf": [*names, *nodes]}

    def of(self, annotation: Any) -> Schema:
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.of(args[0]) | _bounds(args[1:])
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(member) for member in args]}
        if origin is Literal:
            return {"enum": list(args)}
        if isinstance(annotation, type) and issubclass(annotation, Declared):
            return self.declared(annotation)
        if origin in (list, tuple) or annotation in (list, tuple):
            return {"type": "array"} | self.items(origin, args)
        if origin is dict or annotation is dict:
            return {"type": "object"} | ({"additionalProperties": self.of(args[1])} if args else {})
        return _scalar(annotation)

    def items(self, origin: Any, args: tuple) -> Schema:
        if not args:
            return {}
        if origin is list or args[-1] is Ellipsis:
            return {"items": self.of(args[0])}
        members = [self.of(member) for member in args]
        return {"prefixItems": members, "minItems": len(members), "maxItems": len(members)}


def _scalar(annotation: Any) -> Schema:
    if annotation in (None, types.NoneType):
        return {"type": "null"}
    known = {bool: "boolean", int: "integer", float: "number"}
    if annotation in known:
        return {"type": known[annotation]}
    if isinstance(annotation, type) and issubclass(annotation, str):
        return {"type": "string"}
    # A Python object (a callable, an array) has no YAML form, and anything may be asked of `Any`.
    return {} if annotation is Any else {"not": {}}


def _bounds(checks: tuple) -> Schema:
    bounds = {}
    for check in checks:
        if isinstance(check, Range):
            if check.low is not None:
                bounds["exclusiveMinimum" if check.open_low else "minimum"] = check.low
            if check.high is not None:
                bounds["exclusiveMaximum" if check.open_high else "maximum"] = check.high
    return bounds


def _name(cls: type[Declared]) -> Schema:
    """The class's names as constants, for completion, and as patterns without regard to case and underscores."""
    assert cls.registry is not None
    spellings = [name for name, known in cls.registry.classes.items() if known is cls]
    patterns = ["_*" + "_*".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name) + "_*" for name in spellings]
    return {"anyOf": [{"const": cls.type_name}, {"type": "string", "pattern": f"^({'|'.join(patterns)})$"}]}


def _article(root: type[Declared]) -> str:
    return inspect.cleandoc(root.__doc__ or "").split("\n\n")[0]


def field_docs(cls: type[Declared]) -> dict[str, str]:
    """The text below each field of `cls`, inherited ones included."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        docs |= _module_docs(base.__module__).get(base.__qualname__, {})
    return docs


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """For each class of a module, the string literals right below its fields."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):  # built in, or typed at a prompt: there is no source
        return {}
    return {node.name: dict(_fields_with_docs(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _fields_with_docs(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for item, below in zip(node.body, node.body[1:], strict=False):
        match item, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
