"""tf.keras.losses: the classes, and as functions what they give for each example."""

from typing import Any

from tfcli.declare import snake_case
from tfcli.engine.tensor import convert_to_tensor
from tfcli.keras.names import classes_of, function_of, getter, missing, serialize
from tfcli.models.losses import Loss
from tfcli.models.losses.base import in_dtype, loss_dtype

get = deserialize = getter(Loss)

__all__ = ["deserialize", "get", "serialize"]


def _call(cls: type[Loss], y_true: Any, y_pred: Any, *settings: Any, **named: Any) -> Any:
    own = [name for name in cls.fields() if name not in Loss.fields()]
    y_pred = convert_to_tensor(y_pred)
    return cls(**dict(zip(own, settings, strict=False)), **named).per_example(
        y_true, in_dtype(y_pred, loss_dtype(y_pred.dtype))
    )


_SHORT = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "kld": "KLDivergence",
    "kl_divergence": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence",
    "logcosh": "LogCosh",
    "log_cosh": "LogCosh",
}


def _functions() -> dict[str, Any]:
    classes = classes_of(Loss)
    functions = {snake_case(name): cls for name, cls in classes.items() if cls is not Loss}
    short = {name: classes[own] for name, own in _SHORT.items()}
    return functions | short | {name.upper(): cls for name, cls in short.items() if len(name) <= 4}


def __getattr__(name: str) -> Any:
    classes, functions = classes_of(Loss), _functions()
    if name in classes:
        return classes[name]
    if name not in functions:
        raise missing("tf.keras.losses", name, [*classes, *functions])
    value = globals()[name] = function_of(functions[name], _call)
    return value


def __dir__() -> list[str]:
    return sorted([*classes_of(Loss), *_functions(), *__all__])
