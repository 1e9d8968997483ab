"""Module: an object that holds variables and other modules, which hold more."""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tfcli.declare import snake_case
from tfcli.engine.tensor import Variable
from tfcli.errors import TfcliError

awaiting: list[Callable[[], bool]] = []
"""Restored checkpoints with values for variables not made yet: each takes what it can and says if it is done."""


def restore_awaiting() -> None:
    """Call it where variables were made that a restored checkpoint may have values for."""
    awaiting[:] = [restore for restore in awaiting if not restore()]


class Module:
    """Base of objects with variables and traced functions, found in attributes, and in lists and dicts of these."""

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not name.isidentifier():
            raise TfcliError(f"a module's name must be a Python identifier, got {name!r}")
        self._name = name

    @property
    def name(self) -> str:
        """What it was called, or its class in snake case."""
        return self.__dict__.get("_name") or snake_case(type(self).__name__)

    @property
    def name_scope(self) -> AbstractContextManager[str]:
        """What is made inside is named below this module, where names count: in a session's graph."""
        from tfcli.engine.graph.session import name_scope

        return name_scope(self.name)

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator of a method: it runs inside of `name_scope`."""

        @functools.wraps(method)
        def scoped(self: "Module", *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable of this module and of those inside, each once."""
        return tuple(value for value in reachable(self) if isinstance(value, Variable))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        """Every module inside this one, at any depth."""
        return tuple(value for value in reachable(self) if not isinstance(value, Variable) and value is not self)


def is_module(value: Any) -> bool:
    """Whether it holds variables in attributes: a Module, or what says so by `tracked_attributes` (layers do)."""
    return isinstance(value, Module) or hasattr(type(value), "tracked_attributes")


def attributes_of(module: Any) -> dict[str, Any]:
    """The attributes of a module (or of any other object) by name, in the order of their names."""
    if hasattr(type(module), "tracked_attributes"):
        return module.tracked_attributes()
    held = {} if not hasattr(module, "__dict__") else vars(module)
    return {name: held[name] for name in sorted(held) if name != "_functions"}


def reachable(root: Any) -> Iterator[Any]:
    """The modules and variables in a module, itself first, each once; those of its own before those further inside."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        module = waiting.pop(0)
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield module
        for leaf in _leaves(attributes_of(module)):
            if is_module(leaf):
                waiting.append(leaf)
            elif isinstance(leaf, Variable) and id(leaf) not in seen:
                seen.add(id(leaf))
                yield leaf


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
