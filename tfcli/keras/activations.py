"""tf.keras.activations: functions of a tensor, and their settings by keyword."""

from typing import Any

from tfcli.declare import snake_case
from tfcli.engine.tensor import convert_to_tensor
from tfcli.keras.names import classes_of, function_of, getter, missing, serialize
from tfcli.models.activations import Activation

get = deserialize = getter(Activation)

__all__ = ["deserialize", "get", "serialize"]


def _call(cls: type[Activation], x: Any, *settings: Any, **named: Any) -> Any:
    return cls(*settings, **named)(convert_to_tensor(x))


def _functions() -> dict[str, Any]:
    return {snake_case(name): cls for name, cls in classes_of(Activation).items() if cls is not Activation} | {
        "swish": classes_of(Activation)["Silu"]
    }


def __getattr__(name: str) -> Any:
    functions = _functions()
    if name not in functions:
        raise missing("tf.keras.activations", name, functions)
    value = globals()[name] = function_of(functions[name], _call)
    return value


def __dir__() -> list[str]:
    return sorted([*_functions(), *__all__])
