"""Values to what annotations want: all that is wrong is collected, each with its path."""

import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tfcli.declare.declared import Declared
from tfcli.declare.names import closest
from tfcli.declare.problems import FieldError, Path, Problem, UnknownKey
from tfcli.declare.values import FunctionName, Range
from tfcli.declare.words import SQUARE_BRACKETS, describe, listing, members_of, mismatch, show, title, with_article

INVALID: Any = type("Invalid", (), {"__repr__": lambda self: "<invalid>"})()


def convert_fields(
    cls: type[Declared], values: Mapping[Any, Any], path: Path, problems: list[Problem]
) -> dict[str, Any]:
    """Field values for `cls` from `values`, defaults filled in; what is wrong is appended to `problems`."""
    fields = cls.fields()
    misspelt = set()
    for key in values:
        if key not in fields:
            close = closest(key, [n for n in fields if n not in values])
            misspelt.add(close)
            if isinstance(key, int) and values[key] is None:
                hint = "a number has a point, not a comma"  # {rate: 0,5} is {rate: 0, 5: null}
            elif isinstance(key, str) and key.endswith(")") and values[key] is None:
                hint = SQUARE_BRACKETS  # {strides: (2, 2)} is {strides: "(2", "2)": null}
            else:
                hint = f"did you mean `{close}`?" if close else _known_keys(fields)
            is_top = path == () and cls.registry is None
            message = f"`{key}` is not a {'top-level key' if is_top else f'key of {title(cls)}'}"
            problems.append(UnknownKey((*path, key), message, hint, at_key=True))
    result = {}
    for name, item in fields.items():
        if name in values:
            result[name] = convert(item.annotation, values[name], (*path, name), problems)
        elif item.required and name not in misspelt:
            whose = "the spec" if path == () and cls.registry is None else title(cls)
            problems.append(Problem(path, f"{whose} needs `{name}`: {describe(item.annotation)}"))
        elif not item.required:
            result[name] = convert(item.annotation, item.default, (*path, name), problems)
    return result


def _known_keys(names: Iterable[str]) -> str:
    return "its keys are " + ", ".join(f"`{n}`" for n in names) if names else "it takes no keys"


def convert(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    """`value` as `annotation` wants it, or INVALID after appending what is wrong to `problems`."""
    origin = get_origin(annotation)
    if annotation is Any:
        return value
    if origin is Annotated:
        return _convert_annotated(annotation, value, path, problems)
    if origin in (Union, types.UnionType):
        return _convert_union(get_args(annotation), value, path, problems)
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        return _convert_node(annotation, value, path, problems)
    if origin is list or annotation is list:
        return _convert_list(annotation, value, path, problems)
    if origin is tuple or annotation is tuple:
        return _convert_tuple(annotation, value, path, problems)
    if origin is dict or annotation is dict:
        return _convert_dict(annotation, value, path, problems)
    converted = _convert_scalar(annotation, origin, value)
    if converted is INVALID:
        problems.append(mismatch(annotation, value, path))
    return converted


def _convert_scalar(annotation: Any, origin: Any, value: Any) -> Any:
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if origin is Literal:
        return next((a for a in get_args(annotation) if a == value and type(a) is type(value)), INVALID)
    if annotation is None or annotation is types.NoneType:
        return None if value is None else INVALID
    if annotation is bool:
        return value if isinstance(value, bool) else INVALID
    if annotation is int:
        return value if isinstance(value, int) and not isinstance(value, bool) else INVALID
    if annotation is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and not _overflows(value)
        return float(value) if fits else INVALID
    if annotation is FunctionName:
        return value if callable(value) else FunctionName(value) if _is_function_name(value) else INVALID
    if isinstance(annotation, type) and issubclass(annotation, str):
        return (value if isinstance(value, annotation) else annotation(value)) if isinstance(value, str) else INVALID
    if Callable in (annotation, origin):
        return value if callable(value) else INVALID
    assert isinstance(annotation, type), f"no conversion for {annotation!r}"
    return value if isinstance(value, annotation) else INVALID


def _overflows(value: int | float) -> bool:
    return isinstance(value, int) and value.bit_length() > 1023


def _is_function_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(?:[\w.]+|.+\.py):[\w.]+", value) is not None


def _convert_annotated(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    base, *checks = get_args(annotation)
    before = len(problems)
    converted = convert(base, value, path, problems)
    if len(problems) > before:
        problems[before:] = [mismatch(annotation, value, p.path) if p.path == path else p for p in problems[before:]]
        return INVALID
    if any(isinstance(check, Range) and not check.holds(converted) for check in checks):
        problems.append(mismatch(annotation, value, path))
        return INVALID
    return converted


def _convert_union(members: tuple, value: Any, path: Path, problems: list[Problem]) -> Any:
    if value is None and types.NoneType in members:
        return None
    attempts = []
    for member in members:
        found: list[Problem] = []
        converted = convert(member, value, path, found)
        if not found:
            return converted
        attempts.append((member, found))
    # Where the value has the form of one member (a mapping for a node, a list for a list), its problems are useful.
    fitting = sorted((_rank(member, value), i) for i, (member, _) in enumerate(attempts) if _fits(member, value))
    if fitting and not (isinstance(value, str) and _is_no_name(members, value)):
        problems.extend(attempts[fitting[0][1]][1])
    else:
        problems.append(mismatch(Union[members], value, path))  # noqa: UP007
    return INVALID


def _is_no_name(members: tuple, value: str) -> bool:
    """Whether `value`, where a number or a node can be, is like the name of no node."""
    kinds = [m.registry for m in members if isinstance(m, type) and issubclass(m, Declared) and m.registry]
    numbers = {int, float} & {inner for member in members for inner in members_of(member)}
    return bool(numbers) and not any(kind.find(value) or kind.nearest(value) for kind in kinds)


def _rank(annotation: Any, value: Any) -> int:
    """Of several forms that a mapping may have: a node if it says its `type`, else a mapping of names."""
    is_node = isinstance(value, Mapping) and (get_origin(annotation) or annotation) is not dict
    return 1 if is_node and "type" not in value else 0


def _fits(annotation: Any, value: Any) -> bool:
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    origin = get_origin(base) or base
    if isinstance(value, Mapping):
        return origin is dict or (isinstance(base, type) and issubclass(base, Declared))
    if isinstance(value, list | tuple):
        return origin in (list, tuple)
    return (
        isinstance(value, str) and isinstance(base, type) and issubclass(base, Declared) and base.registry is not None
    )


def _convert_list(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    if hasattr(value, "tolist") and getattr(value, "shape", ()) != ():
        value = value.tolist()
    if not isinstance(value, list | tuple):
        problems.append(mismatch(annotation, value, path))
        return INVALID
    (member,) = get_args(annotation) or (Any,)
    return [convert(member, v, (*path, i), problems) for i, v in enumerate(value)]


def _convert_tuple(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    members = get_args(annotation)
    many = len(members) == 2 and members[1] is Ellipsis
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple) or (not many and len(value) != len(members)):
        problems.append(mismatch(annotation, value, path))
        return INVALID
    kinds = [members[0]] * len(value) if many else members
    return tuple(convert(kind, v, (*path, i), problems) for i, (kind, v) in enumerate(zip(kinds, value, strict=True)))


def _convert_dict(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(mismatch(annotation, value, path))
        return INVALID
    key_kind, value_kind = get_args(annotation) or (Any, Any)
    result = {}
    for k, v in value.items():
        found: list[Problem] = []
        key = convert(key_kind, k, (*path, k), found)
        problems.extend(Problem(p.path, p.message, p.suggestion, at_key=True) for p in found)
        if not found:
            result[key] = convert(value_kind, v, (*path, k), problems)
    return result


def _convert_node(root: type[Declared], value: Any, path: Path, problems: list[Problem]) -> Any:
    if isinstance(value, root):
        return value
    if value is None and root.registry is None:
        value = {}  # a section whose every line is commented out
    if isinstance(value, str) and root.registry is not None:
        cls = _find(root, value, path, problems)
        values = cls.from_name(value) if cls else {}
    elif isinstance(value, Mapping):
        cls, values = _class_of(root, value, path, problems)
    else:
        made = root.from_value(value)
        if made is None:
            problems.append(mismatch(root, value, path))
        return INVALID if made is None else made
    if cls is None:
        return INVALID
    before = len(problems)
    fields = convert_fields(cls, values, path, problems)
    if len(problems) > before:
        return INVALID
    try:
        node = cls.__new__(cls)
        node.__dict__.update(fields)
        node.check()
    except FieldError as error:
        problems.append(Problem((*path, *error.path), error.message, error.suggestion))
        return INVALID
    return node


def _class_of(
    root: type[Declared], value: Mapping, path: Path, problems: list[Problem]
) -> tuple[type[Declared] | None, dict]:
    values = dict(value)
    if root.registry is None:
        return root, values
    if "type" not in values:
        problems.append(
            Problem(
                path, f"{with_article(root.registry.kind)} needs `type`", f"for example `type: {_example(root, value)}`"
            )
        )
        return None, values
    name = values.pop("type")
    if not isinstance(name, str):
        problems.append(
            Problem((*path, "type"), f"expected the name of {with_article(root.registry.kind)}, got {show(name)}")
        )
        return None, values
    return _find(root, name, (*path, "type"), problems), values


def _example(root: type[Declared], value: Mapping) -> str:
    """The class whose name is among the keys (`{dense: {units: 3}}`), or any."""
    assert root.registry is not None
    named = [cls for cls in map(root.registry.find, filter(lambda key: isinstance(key, str), value)) if cls]
    return next((cls.type_name for cls in [*named, *root.registry]), "…")


def _find(root: type[Declared], name: str, path: Path, problems: list[Problem]) -> type[Declared] | None:
    assert root.registry is not None
    cls = root.registry.find(name)
    if cls is None:
        close = root.registry.nearest(name)
        hint = f"did you mean `{close}`?" if close else listing([c.type_name for c in root.registry], name)
        hint = root.absent.get(name, hint)
        problems.append(Problem(path, f"there is no {root.registry.kind} called {show(name)}", hint))
    elif not issubclass(cls, root):
        problems.append(Problem(path, f"expected {describe(root)}, got {show(name)}"))
        return None
    return cls
