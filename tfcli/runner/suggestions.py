"""What may stand in a spec at a dotted path: for the shell's completion of `--set`."""

import types
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tfcli.declare import Declared
from tfcli.spec.document import read_document
from tfcli.spec.experiment import Experiment
from tfcli.spec.overrides import item_names
from tfcli.spec.walk import field_at

_DEEPEST = 4


def keys_of(spec: FilePath | None) -> list[str]:
    """The dotted keys of the spec's sections, and of the nodes that the spec has: layers by name."""
    return list(_keys(Experiment, _read(spec), "", 0))


def values_of(spec: FilePath | None, key: str) -> list[str]:
    """The values that the field at `key` is limited to: choices, booleans, names of classes."""
    value = _read(spec)
    found = field_at(Experiment, value, tuple(_path(value, key.split("."))))
    return list(dict.fromkeys(_values(found.annotation))) if found is not None else []


def _path(value: Any, words: list[str]) -> Iterator[str | int]:
    """The words, those that name a list's item as its number."""
    for word in words:
        key: str | int = word
        if isinstance(value, list):
            names = item_names(value)
            key = int(word) if word.isdecimal() else names.index(word) if word in names else word
            value = value[key] if isinstance(key, int) and key < len(value) else None
        else:
            value = value.get(word) if isinstance(value, dict) else None
        yield key


def _read(spec: FilePath | None) -> dict[Any, Any]:
    return read_document(spec).value if spec is not None else {}


def _keys(annotation: Any, value: Any, path: str, depth: int) -> Iterator[str]:
    if path:
        yield path
    if depth == _DEEPEST:
        return
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, Declared):
            kind = _class(member, value)
            for name, item in kind.fields().items() if kind is not None else ():
                inner = value.get(name) if isinstance(value, dict) else None
                yield from _keys(item.annotation, inner, f"{path}.{name}" if path else name, depth + 1)
        elif get_origin(member) is list and isinstance(value, list):
            for called, inner in zip(item_names(value), value, strict=True):
                if called is not None:
                    yield from _keys(get_args(member)[0], inner, f"{path}.{called}", depth)


def _class(member: type[Declared], value: Any) -> type[Declared] | None:
    """The class of a node; of one that the spec lacks nothing is known but its kind."""
    if member.registry is None:
        return member
    name = value.get("type") if isinstance(value, dict) else value
    return member.registry.find(name) if isinstance(name, str) else None


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    elif get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    else:
        yield annotation


def _values(annotation: Any) -> Iterator[str]:
    for member in _members(annotation):
        if get_origin(member) is Literal:
            yield from map(str, get_args(member))
        elif member is bool:
            yield from ("true", "false")
        elif isinstance(member, type) and issubclass(member, Declared) and member.registry is not None:
            yield from (cls.type_name for cls in member.registry)
