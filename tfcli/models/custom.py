"""Classes and functions of the user's own that archives name: registered, or known within a scope."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from tfcli.errors import SpecError

Named = TypeVar("Named", bound=Callable[..., Any])

_registered: dict[str, Any] = {}
_in_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("custom objects", default=None)


def known_objects() -> dict[str, Any]:
    """What is registered or within the scope, by name."""
    return {**_registered, **(_in_scope.get() or {})}


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by name, to read or change."""
    return _registered


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Inside, models are loaded and saved with these classes and functions too, by the names given here."""
    token = _in_scope.set({**(_in_scope.get() or {}), **(custom_objects or {})})
    try:
        yield
    finally:
        _in_scope.reset(token)


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Named], Named]:
    """A decorator: archives may hold the class or function, as `package>name`. Raises SpecError for a class without
    `get_config`.
    """

    def register(own: Named) -> Named:
        if isinstance(own, type) and not hasattr(own, "get_config"):
            raise SpecError(f"{own.__name__} needs a get_config(self), which gives what makes such an object again")
        _registered[f"{package}>{name or own.__name__}"] = own
        return own

    return register


def get_registered_name(own: Any) -> str:
    """What a class or function is registered as; its own name if it is not."""
    return registered_name(own) or own.__name__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The class or function of that name, or None."""
    return {**(module_objects or {}), **known_objects(), **(custom_objects or {})}.get(name)


def registered_name(own: Any) -> str | None:
    """The name of a class or function within the scope or registered, or None."""
    return next((name for name, value in known_objects().items() if value is own), None)


def of_config(item: Mapping[str, Any]) -> Any:
    """The class or function of one's own that a config names, or None."""
    known = known_objects()
    plain = item.get("config") if item.get("class_name") == "function" else item.get("class_name")
    names = (item.get("registered_name"), plain)
    return next((known[name] for name in names if isinstance(name, str) and name in known), None)
