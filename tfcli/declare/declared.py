"""The base of every declared class, and the registry of a kind."""

import inspect
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Self, get_origin

from tfcli.declare.names import closest, snake_case, squash
from tfcli.declare.places import PLACES
from tfcli.declare.plugins import current_plugin, load_entry_points
from tfcli.declare.problems import DeclarationError, Problem
from tfcli.declare.values import FunctionName, ModuleName, PathString
from tfcli.errors import SpecError

REQUIRED: Any = type("Required", (), {"__repr__": lambda self: "<required>"})()


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
    """The classes of one kind by squashed name; a module of `PLACES` is loaded when a name of its is looked for."""

    kind: str
    classes: dict[str, type["Declared"]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, cls: type["Declared"], aliases: Iterable[str] = ()) -> None:
        """Raises SpecError where a plugin's class has the name of one of tfcli's own."""
        for name in (cls.type_name, *aliases):
            if (plugin := current_plugin()) is not None:
                self._make_room(name, plugin)
            known = self.classes.setdefault(squash(name), cls)
            assert known is cls, f"{self.kind} {name!r} is declared twice: {known} and {cls}"
        self.names[squash(cls.type_name)] = cls.type_name

    def find(self, name: str) -> type["Declared"] | None:
        key = squash(name)
        if key not in self.classes:
            self._import(key)
        if key not in self.classes and current_plugin() is None:
            load_entry_points()
        return self.classes.get(key)

    def _import(self, key: str) -> None:
        for module, names in PLACES.get(self.kind, {}).items():
            if key in names.split():
                import_module(module)

    def _make_room(self, name: str, plugin: str) -> None:
        """A plugin's class may take the place of one of an earlier plugin, as when its file was changed."""
        self._import(squash(name))
        known = self.classes.get(squash(name))
        if known is not None and known.__module__.startswith("tfcli."):
            raise SpecError(f"the plugin {plugin!r} declares a {self.kind} {name!r}, which tfcli has; rename it")
        self.classes.pop(squash(name), None)

    def load(self) -> None:
        """Load every class of the kind."""
        for module in PLACES.get(self.kind, {}):
            import_module(module)

    def nearest(self, name: str) -> str | None:
        self.load()
        close = closest(name, self.classes)
        return self.classes[close].type_name if close else None

    def __iter__(self):
        self.load()
        return iter(sorted((self.classes[key] for key in self.names), key=lambda cls: cls.type_name))


class Declared:
    """Base of every declared class.

    A subclass lists its fields as annotations, with defaults in spec form (`bias_initializer: Initializer = "zeros"`);
    inherited ones come after its own. Construction takes them by position or keyword, converts and checks them, then
    calls `check`. Raises DeclarationError, with every problem.
    """

    registry: ClassVar[Registry | None] = None
    type_name: ClassVar[str] = ""
    absent: ClassVar[dict[str, str]] = {}
    """Names that none of a kind has though users may look for them, and what to do instead."""
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
        elif cls.registry is not None and not abstract and _is_named(cls):
            cls.registry.add(cls, aliases)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from tfcli.declare.convert import convert_fields  # which needs this class

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
            # A class of the user's own with an `__init__` has its settings there; its annotations are none.
            bases = [
                base for base in cls.__mro__ if "__init__" not in vars(base) or base.__module__.startswith("tfcli.")
            ]
            order = [n for base in bases for n in inspect.get_annotations(base)]
            cls._fields = {
                n: Field(n, hints[n], getattr(cls, n, REQUIRED))
                for n in dict.fromkeys(order)
                if not n.startswith("_") and get_origin(hints[n]) is not ClassVar and hints[n] is not ClassVar
            }
        return cls._fields

    @classmethod
    def is_registered(cls) -> bool:
        """Whether it can be named in a spec; classes of the user's own cannot."""
        return cls.registry is not None and cls.registry.find(cls.type_name) is cls

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


def _is_named(cls: type[Declared]) -> bool:
    """Whether specs may name the class: tfcli's own ones, and those of plugins."""
    return cls.__module__.startswith("tfcli.") or current_plugin() is not None


def plain(value: Any) -> Any:
    """`value` in the types that YAML has (a PathString, FunctionName and ModuleName stay such texts)."""
    match value:
        case Declared():
            return value.spec()
        case Mapping():
            return {plain(k): plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case PathString() | FunctionName() | ModuleName():
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
