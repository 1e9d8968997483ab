"""Declarations: a class whose annotated fields are its only parameter list.

Layers, losses, optimizers, data sources and the spec itself are such classes. From the annotations come the Python
signature, the conversion and checking of values (all problems at once, each with its path), the spec form, and the JSON
Schema (`tfcli.spec.schema`). A *kind* (`class Layer(Declared, kind="layer")`) keeps a registry of the classes below it,
found by name without regard to case and underscores.
"""

import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from tfcli.errors import SpecError

Path = tuple[str | int, ...]
REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "<required>"})()
INVALID: Any = type("Invalid", (), {"__repr__": lambda self: "<invalid>"})()


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a value. `at_key`: it is the key at the end of `path` that is wrong, not its value."""

    path: Path
    message: str
    suggestion: str | None = None
    at_key: bool = False

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return (f"{where}: " if where else "") + self.message + (f"; {self.suggestion}" if self.suggestion else "")


@dataclass(frozen=True)
class UnknownKey(Problem):
    """A key that no field has."""


class DeclarationError(SpecError):
    """Values that do not fit a declaration; `problems` has all of them."""

    def __init__(self, title: str, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [str(problem) for problem in problems]
        super().__init__(f"{title}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{title}:", *lines]))


class FieldError(SpecError):
    """Raised by a `check` method: `field` (a name, or a path below it) has a value that does not go with the others."""

    def __init__(self, field: str | Path, message: str, suggestion: str | None = None) -> None:
        self.path: Path = (field,) if isinstance(field, str) else field
        self.message, self.suggestion = message, suggestion
        super().__init__(f"{'.'.join(map(str, self.path))}: {message}")


@dataclass(frozen=True)
class Range:
    """For `Annotated[int, Range(low=1)]`: a number within bounds; an `open_*` bound is itself excluded."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        return above and (self.high is None or (value < self.high if self.open_high else value <= self.high))

    def __str__(self) -> str:
        low = None if self.low is None else f"{'>' if self.open_low else '≥'} {self.low:g}"
        high = None if self.high is None else f"{'<' if self.open_high else '≤'} {self.high:g}"
        return " and ".join(bound for bound in (low, high) if bound)


@dataclass(frozen=True, eq=False)
class Hints:
    """For `Annotated[Literal[...], Hints({...})]`: the suggestion for each value that users may well try in vain."""

    messages: Mapping[str, str]

    def __str__(self) -> str:
        return ""


PositiveInt = Annotated[int, Range(low=1)]
NonNegativeInt = Annotated[int, Range(low=0)]
PositiveFloat = Annotated[float, Range(low=0, open_low=True)]
NonNegativeFloat = Annotated[float, Range(low=0)]
Probability = Annotated[float, Range(low=0, high=1)]
DropRate = Annotated[float, Range(low=0, high=1, open_high=True)]


class PathString(str):
    """A file path as written in the spec; relative ones are resolved against the spec's folder."""


class FunctionName(str):
    """`"module:function"`, a Python function of the user's own."""


@dataclass(frozen=True)
class Field:
    name: str
    annotation: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass
class Registry:
    """The classes of one kind by squashed name."""

    kind: str
    classes: dict[str, type["Declared"]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, cls: type["Declared"], aliases: Iterable[str] = ()) -> None:
        for name in (cls.type_name, *aliases):
            known = self.classes.setdefault(squash(name), cls)
            assert known is cls, f"{self.kind} {name!r} is declared twice: {known} and {cls}"
        self.names[squash(cls.type_name)] = cls.type_name

    def find(self, name: str) -> type["Declared"] | None:
        return self.classes.get(squash(name))

    def nearest(self, name: str) -> str | None:
        close = closest(name, self.classes)
        return self.classes[close].type_name if close else None

    def __iter__(self):
        return iter(sorted((self.classes[key] for key in self.names), key=lambda cls: cls.type_name))


def squash(name: str) -> str:
    """`Conv2D`, `conv_2d` and `conv2d` are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def snake_case(name: str) -> str:
    """Keras's rule: `MaxPooling2D` -> `max_pooling2d`."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


class Declared:
    """Base of every declared class.

    A subclass lists its fields as annotations, with defaults in spec form (`bias_initializer: Initializer = "zeros"`);
    inherited ones come after its own. Construction takes them by position or keyword, converts and checks them, then
    calls `check`. Raises DeclarationError, with every problem.
    """

    registry: ClassVar[Registry | None] = None
    type_name: ClassVar[str] = ""
    common_last: ClassVar[bool] = False
    """The fields that a kind gives to all its classes come after a class's own, as in Keras's signatures."""
    _fields: ClassVar[dict[str, Field] | None] = None

    def __init_subclass__(
        cls,
        kind: str | None = None,
        name: str | None = None,
        aliases: tuple[str, ...] = (),
        abstract: bool = False,
        **kwargs,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls._fields = None
        cls.type_name = name or snake_case(cls.__name__)
        if kind is not None:
            cls.registry = Registry(kind)
        elif cls.registry is not None and not abstract and cls.__module__.startswith("tfcli."):
            cls.registry.add(cls, aliases)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        problems: list[Problem] = []
        values = convert_fields(cls, _by_name(cls, args, kwargs), (), problems)
        if problems:
            raise DeclarationError(cls.type_name, problems)
        self.__dict__.update(values)
        self.check()

    @classmethod
    def fields(cls) -> dict[str, Field]:
        if cls._fields is None:
            hints = typing.get_type_hints(cls, include_extras=True)
            order = [n for base in cls.__mro__ for n in inspect.get_annotations(base)]
            cls._fields = {
                n: Field(n, hints[n], getattr(cls, n, REQUIRED))
                for n in dict.fromkeys(order)
                if not n.startswith("_") and get_origin(hints[n]) is not ClassVar and hints[n] is not ClassVar
            }
        return cls._fields

    @classmethod
    def signature(cls) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        ordered = sorted(cls.fields().values(), key=lambda f: not f.required)
        return inspect.Signature(
            [
                inspect.Parameter(f.name, kind, default=inspect.Parameter.empty if f.required else f.default)
                for f in ordered
            ]
        )

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """An instance for a value that is neither a name nor a mapping (a callable, say), or None."""
        return None

    @classmethod
    def from_name(cls, name: str) -> dict[str, Any]:
        """Field values for a node written as a bare name, which may be an alias."""
        return {}

    def check(self) -> None:
        """Raise FieldError where fields do not go together."""

    def spec(self) -> dict[str, Any]:
        """The spec form, with every field written out."""
        head = {"type": self.type_name} if self.registry is not None else {}
        return head | {name: plain(getattr(self, name)) for name in self.fields()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n, None)!r}' for n in self.fields())})"


def plain(value: Any) -> Any:
    """`value` in the types that YAML has (a path stays a PathString, itself a text)."""
    match value:
        case Declared():
            return value.spec()
        case Mapping():
            return {plain(k): plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case PathString():
            return value
        case str():
            return str(value)
        case bool() | int() | float() | None:
            return value
        case _ if hasattr(value, "tolist"):
            return value.tolist()
        case _ if callable(value):
            return f"{value.__module__}:{value.__qualname__}"
    raise AssertionError(f"no spec form for {value!r}")


def _by_name(cls: type[Declared], args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    names = list(cls.signature().parameters)
    if len(args) > len(names):
        raise DeclarationError(cls.type_name, [Problem((), f"takes at most {len(names)} arguments, got {len(args)}")])
    twice = [n for n in names[: len(args)] if n in kwargs]
    if twice:
        raise DeclarationError(cls.type_name, [Problem((twice[0],), "given twice, by position and by name")])
    return dict(zip(names, args, strict=False)) | kwargs


# What other libraries, and people in a hurry, call a key. Tried where no known key looks like the unknown one.
_SYNONYMS = {
    "lr": "learning_rate",
    "l2": "kernel_regularizer",
    "neurons": "units",
    "hidden": "units",
    "hiddensize": "units",
    "outfeatures": "units",
    "outchannels": "filters",
    "kernel": "kernel_size",
    "stride": "strides",
    "dropout": "rate",
    "p": "rate",
    "heads": "num_heads",
    "vocabsize": "input_dim",
    "act": "activation",
    "input": "inputs",
    "file": "path",
    "target": "label",
    "y": "label",
    "betas": "beta_1",
    "eps": "epsilon",
}


def closest(name: Any, known: Iterable[Any]) -> str | None:
    """The known name that `name` was probably meant to be."""
    by_squashed = {squash(str(k)): str(k) for k in known}
    wanted = squash(str(name))
    if _SYNONYMS.get(wanted) in by_squashed.values():
        return _SYNONYMS[wanted]
    close = difflib.get_close_matches(wanted, by_squashed, 1, 0.6)
    if close:
        return by_squashed[close[0]]
    within = [k for k in by_squashed if len(wanted) > 2 and (k.startswith(wanted) or (len(k) > 3 and k in wanted))]
    return by_squashed[within[0]] if within else None


def nearest(name: Any, known: Iterable[Any]) -> str | None:
    """'did you mean …?' for the known name closest to `name`."""
    close = closest(name, known)
    return f"did you mean `{close}`?" if close else None


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


def title(cls: type[Declared]) -> str:
    return f"`{cls.type_name}`"


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
        problems.append(_mismatch(annotation, value, path))
    return converted


def _mismatch(annotation: Any, value: Any, path: Path) -> Problem:
    return Problem(path, f"expected {describe(annotation)}, got {show(value)}", _remedy(annotation, value))


def _remedy(annotation: Any, value: Any) -> str | None:
    """How to write what was probably meant."""
    members = _members(annotation)
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
    if isinstance(value, float) and int in members and value.is_integer() and abs(value) < 1e15:
        return f"write `{int(value)}`"
    if isinstance(value, int | float) and members & {str, PathString}:
        return f'in quotes it is a text: `"{show(value)}"`'
    if isinstance(value, str) and any(get_origin(m) is list or get_origin(m) is tuple for m in members):
        return f"write it as a list: `[{value}]`"
    if value is True and any(_is_section(m) and not any(f.required for f in m.fields().values()) for m in members):
        return "write `{}` for its defaults"
    return None


def _is_section(annotation: Any) -> bool:
    """Whether it is a mapping with fields of its own, not a node with a `type`."""
    return isinstance(annotation, type) and issubclass(annotation, Declared) and annotation.registry is None


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def _members(annotation: Any) -> set[Any]:
    """The alternatives of a union, with what an Annotated one is made of."""
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return {inner for member in get_args(annotation) for inner in _members(member)}
    return {annotation}


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [literal for member in get_args(annotation) for literal in _literals(member)]
    return []


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
    if annotation is Callable or (origin is not None and issubclass(origin, Callable)):
        return value if callable(value) else INVALID
    assert isinstance(annotation, type), f"no conversion for {annotation!r}"
    return value if isinstance(value, annotation) else INVALID


def _overflows(value: int | float) -> bool:
    return isinstance(value, int) and value.bit_length() > 1023


def _is_function_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value) is not None


def _convert_annotated(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    base, *checks = get_args(annotation)
    before = len(problems)
    converted = convert(base, value, path, problems)
    if len(problems) > before:
        problems[before:] = [_mismatch(annotation, value, p.path) if p.path == path else p for p in problems[before:]]
        return INVALID
    if any(isinstance(check, Range) and not check.holds(converted) for check in checks):
        problems.append(_mismatch(annotation, value, path))
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
        problems.append(_mismatch(Union[members], value, path))  # noqa: UP007
    return INVALID


def _is_no_name(members: tuple, value: str) -> bool:
    """Whether `value`, where a number or a node can be, is like the name of no node."""
    kinds = [m.registry for m in members if isinstance(m, type) and issubclass(m, Declared) and m.registry]
    numbers = {int, float} & {inner for member in members for inner in _members(member)}
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
    if not isinstance(value, list | tuple):
        problems.append(_mismatch(annotation, value, path))
        return INVALID
    (member,) = get_args(annotation) or (Any,)
    return [convert(member, v, (*path, i), problems) for i, v in enumerate(value)]


def _convert_tuple(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    members = get_args(annotation)
    many = len(members) == 2 and members[1] is Ellipsis
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, list | tuple) or (not many and len(value) != len(members)):
        problems.append(_mismatch(annotation, value, path))
        return INVALID
    kinds = [members[0]] * len(value) if many else members
    return tuple(convert(kind, v, (*path, i), problems) for i, (kind, v) in enumerate(zip(kinds, value, strict=True)))


def _convert_dict(annotation: Any, value: Any, path: Path, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(_mismatch(annotation, value, path))
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
            problems.append(_mismatch(root, value, path))
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
            Problem(path, f"{_a(root.registry.kind)} needs `type`", f"for example `type: {_example(root, value)}`")
        )
        return None, values
    name = values.pop("type")
    if not isinstance(name, str):
        problems.append(Problem((*path, "type"), f"expected the name of {_a(root.registry.kind)}, got {show(name)}"))
        return None, values
    return _find(root, name, (*path, "type"), problems), values


def _list(names: list[str], most: int = 24) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more (`tfcli schema` has all)"


def _a(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


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
        hint = f"did you mean `{close}`?" if close else "known: " + _list([c.type_name for c in root.registry])
        problems.append(Problem(path, f"there is no {root.registry.kind} called {show(name)}", hint))
    elif not issubclass(cls, root):
        problems.append(Problem(path, f"expected {describe(root)}, got {show(name)}"))
        return None
    return cls


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
    if isinstance(annotation, type) and issubclass(annotation, Declared):
        if annotation.registry is not None:
            return _a(annotation.registry.kind)
        return f"a mapping with keys such as {', '.join(f'`{n}`' for n in list(annotation.fields())[:3])}"
    return _WORDS.get(annotation) or getattr(annotation, "__name__", str(annotation))


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
