"""What the declarations say of a place in a spec: steps through annotations along a path of its values."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from tfcli.declare import REQUIRED, Declared, Field, Path


def default_at(declaration: type[Declared], value: Any, path: Path) -> Any:
    """The default, in spec form, of the field at `path` in the spec `value`; None where there is none."""
    item = field_at(declaration, value, path)
    return None if item is None or item.default is REQUIRED else item.default


def field_at(declaration: type[Declared], value: Any, path: Path) -> Field | None:
    """The field at `path` in the spec `value`, an item's nameless one in a list; None where there is none."""
    item: Field | None = Field("", declaration)
    for key in path:
        item = _step(item.annotation, value, key) if item else None
        if item is None:
            return None
        value = _inside(value, key)
        if value is None and item.default is not REQUIRED:
            value = item.default
    return item


def _inside(value: Any, key: Any) -> Any:
    if isinstance(value, list):
        return value[key] if isinstance(key, int) and key < len(value) else None
    return value.get(key) if isinstance(value, dict) else None


def _step(annotation: Any, value: Any, key: Any) -> Field | None:
    """The field, or an item's nameless one, that `key` leads to from a `value` of `annotation`."""
    for member in _alternatives(annotation):
        origin, args = get_origin(member), get_args(member)
        if isinstance(member, type) and issubclass(member, Declared):
            cls = _class_of(member, value)
            if cls is not None and key in cls.fields():
                return cls.fields()[key]
        elif origin is list and args and isinstance(value, list):
            return Field("", args[0])
        elif origin is dict and isinstance(value, dict) and "type" not in value:
            return Field("", args[1])
    return None


def _class_of(root: type[Declared], value: Any) -> type[Declared] | None:
    if root.registry is None:
        return root
    name = value.get("type") if isinstance(value, dict) else value
    return root.registry.find(name) if isinstance(name, str) else None


def _alternatives(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _alternatives(member)
    elif get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    else:
        yield annotation
