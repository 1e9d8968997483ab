"""Annotations and values in the words of messages, and how to mend a value that does not fit."""

import difflib
import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tfcli.declare.declared import Declared
from tfcli.declare.names import nearest
from tfcli.declare.problems import Path, Problem
from tfcli.declare.values import FunctionName, Hints, ModuleName, PathString, Range

_SIZES = re.compile(r"(?<=\d) ?[xX×] ?(?=\d)")
"""As in `3x3`."""
SQUARE_BRACKETS = "a list has square brackets, as in `[3, 3]`"

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    types.NoneType: "null",
    None: "null",
}


def describe(annotation: Any) -> str:
    """What a field takes, in words: `a whole number ≥ 1 or null`."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return "any value"
    if origin is Annotated:
        return " ".join([describe(args[0]), *(str(a) for a in args[1:] if isinstance(a, Range))])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(a) for a in args))
    if origin is Literal:
        return f"`{args[0]}`" if len(args) == 1 else "one of " + ", ".join(f"`{a}`" for a in args)
    if annotation in (list, tuple) or (origin is tuple and not args):
        return "a list"
    if origin is list or (origin is tuple and args[-1] is Ellipsis):
        return f"a list (each item {describe(args[0])})"
    if origin is tuple:
        members = list(dict.fromkeys(map(describe, args)))
        return f"a list of {len(args)} ({'each ' if len(members) == 1 else ''}{', '.join(members)})"
    if origin is dict:
        keys = "" if args[0] is str else f"each key {describe(args[0])}, "
        return f"a mapping ({keys}each value {describe(args[1]).partition(' (')[0]})"
    if annotation is dict:
        return "a mapping"
    if annotation is FunctionName:
        return 'a Python function as "module:function"'
    if annotation is PathString:
        return "a path"
    if annotation is ModuleName:
        return "a Python module's name"
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        if annotation.registry is not None:
            return with_article(annotation.registry.kind)
        return f"a mapping with keys such as {', '.join(f'`{n}`' for n in list(annotation.fields())[:3])}"
    return str(_WORDS.get(annotation) or getattr(annotation, "__name__", annotation))


def show(value: Any) -> str:
    """A value as the user wrote it, shortened."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            text = repr(str(value))
        case Mapping():
            text = "a mapping"
        case list() | tuple():
            text = f"[{', '.join(map(show, value))}]"
        case _:
            text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def title(cls: type[Declared]) -> str:
    """What messages call a class."""
    return f"`{cls.type_name}`"


def with_article(noun: str) -> str:
    """`a layer`, `an optimizer`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def listing(names: list[str], like: str, most: int = 24) -> str:
    """`names` in a row; of very many those most like `like`."""
    if len(names) <= most:
        return "known: " + ", ".join(f"`{name}`" for name in names)
    few = ", ".join(f"`{name}`" for name in difflib.get_close_matches(like, names, 4, 0.0))
    return f"the nearest are {few}; `tfcli schema` lists all"


def mismatch(annotation: Any, value: Any, path: Path) -> Problem:
    """The problem of a value that is not what the annotation wants."""
    return Problem(path, f"expected {describe(annotation)}, got {show(value)}", _remedy(annotation, value))


def _remedy(annotation: Any, value: Any) -> str | None:
    """How to write what was probably meant."""
    members = members_of(annotation)
    name = value.get("type") if isinstance(value, Mapping) else value
    for hint in (member for member in members if isinstance(member, Hints)):
        if isinstance(name, str) and name in hint.messages:
            return hint.messages[name]
    choices = [str(a) for a in _literals(annotation)]
    if choices and isinstance(value, str) and (close := nearest(value, choices)):
        return close
    if bool in members and isinstance(value, str) and value.lower() in ("yes", "on", "y", "no", "off", "n"):
        return f"write `{str(value.lower() in ('yes', 'on', 'y')).lower()}`"
    if isinstance(value, str) and {int, float} & members and _NUMBER.fullmatch(value):
        return f"write it without quotes: `{value}`"
    if isinstance(value, str) and {int, float} & members and _NUMBER.fullmatch(value.replace(",", ".")):
        return f"write `{value.replace(',', '.')}`, with a point"
    if isinstance(value, str) and float in members and value.endswith("%") and _NUMBER.fullmatch(value[:-1]):
        return f"write `{float(value[:-1]) / 100:g}`"
    if isinstance(value, float) and int in members and value.is_integer() and abs(value) < 1e15:
        return f"write `{int(value)}`"
    if isinstance(value, int | float) and members & {str, PathString}:
        return f'in quotes it is a text: `"{show(value)}"`'
    if isinstance(value, str) and value.startswith("(") and any(get_origin(m) in (list, tuple) for m in members):
        return SQUARE_BRACKETS
    if isinstance(value, Mapping) and any(get_origin(m) is list for m in members):
        return "of a list, each item starts with `- `, or the items stand in `[` and `]`"
    if isinstance(value, str) and any(get_origin(m) is list or get_origin(m) is tuple for m in members):
        return f"write it as a list: `[{_SIZES.sub(', ', value)}]`"
    if value is True and any(_is_section(m) and not any(f.required for f in m.fields().values()) for m in members):
        return "write `{}` for its defaults"
    return None


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def _is_section(annotation: Any) -> bool:
    """Whether it is a mapping with fields of its own, not a node with a `type`."""
    return isinstance(annotation, type) and issubclass(annotation, Declared) and annotation.registry is None


def members_of(annotation: Any) -> set[Any]:
    """The alternatives of a union, with what an Annotated one is made of."""
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return {inner for member in get_args(annotation) for inner in members_of(member)}
    return {annotation}


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [literal for member in get_args(annotation) for literal in _literals(member)]
    return []
