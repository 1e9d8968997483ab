"""How the modules of tf.keras find what they offer: the classes of a kind, functions made of them, `get`."""

from collections.abc import Callable, Mapping
from typing import Any

from tfcli.declare import Declared, nearest, snake_case
from tfcli.models.nodes import make


def classes_of(root: type[Declared]) -> dict[str, type[Declared]]:
    """The classes of a kind by name, with its base."""
    assert root.registry is not None
    return {cls.__name__: cls for cls in root.registry} | {root.__name__: root}


def getter(root: type[Declared]) -> Callable[[Any], Any]:
    """Keras's `get`: what a name, a mapping or an object stands for; None stays None."""

    def get(identifier: Any) -> Any:
        if isinstance(identifier, Mapping) and "class_name" in identifier:
            identifier = {"type": identifier["class_name"], **identifier.get("config", {})}
        return make(root, identifier)

    return get


def serialize(value: Any) -> dict[str, Any]:
    """The class's name and its settings, as `get` and `deserialize` take them."""
    config = value.get_config() if hasattr(value, "get_config") else {k: getattr(value, k) for k in value.fields()}
    return {"class_name": type(value).__name__, "config": config}


def missing(where: str, name: str, known: Any) -> AttributeError:
    """The error for a name that a module of tf.keras does not have."""
    return AttributeError(f"{where} has no {name!r}; {nearest(name, list(known)) or 'see dir() for what it has'}")


def function_of(cls: type[Declared], call: Callable[..., Any]) -> Callable[..., Any]:
    """`call(settings' object, *tensors)` as a function that takes the class's settings after the tensors."""
    name = snake_case(cls.__name__)

    def function(*tensors_and_settings: Any, **settings: Any) -> Any:
        return call(cls, *tensors_and_settings, **settings)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = cls.__doc__
    return function
