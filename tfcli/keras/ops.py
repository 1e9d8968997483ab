"""tf.keras.ops: Keras's names for operations, most of them an op of the engine under another name."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tfcli.keras import operations
from tfcli.keras.names import missing

_PLACES = {
    "elementwise": (
        "abs=abs_ absolute=abs_ add subtract multiply divide true_divide=divide negative sign square reciprocal "
        "arctan2=atan2 floor ceil round=round_ maximum minimum power=pow_ mod=floormod remainder=floormod "
        "floor_divide=floordiv stop_gradient relu"
    ),
    "comparison": (
        "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not logical_xor "
        "isnan=is_nan isinf=is_inf isfinite=is_finite"
    ),
    "elementary": (
        "sqrt rsqrt exp expm1 log log1p sin cos tan sinh cosh tanh arcsin=asin arccos=acos arctan=atan arcsinh=asinh "
        "arccosh=acosh arctanh=atanh erf sigmoid softplus"
    ),
    "special": "erfinv",
    "shape": "broadcast_to zeros_like ones_like",
    "join": "tile",
    "reduce": (
        "max=reduce_max min=reduce_min mean=reduce_mean sum=reduce_sum prod=reduce_prod any=reduce_any all=reduce_all "
        "amax=reduce_max amin=reduce_min std=reduce_std var=reduce_variance logsumexp=reduce_logsumexp cumprod cumsum "
        "count_nonzero"
    ),
    "linalg": "matmul einsum tensordot trace",
    "decomposition": "norm inv solve cholesky qr svd eigh det cross",
    "arrange": "roll repeat=repeat_ argwhere=where_",
    "index": "meshgrid",
    "order": "sort argsort top_k in_top_k",
    "nn": "softmax log_softmax leaky_relu elu selu gelu relu6 softsign",
    "nn_losses": "silu=swish swish log_sigmoid ctc_loss",
    "loops": "vectorized_map",
}
"""Module below tfcli.engine.ops -> `keras=own` names of ops that take the same arguments in the same places."""

_OWN = {
    public: (module, own or public)
    for module, names in _PLACES.items()
    for public, _, own in (entry.partition("=") for entry in names.split())
}


def __getattr__(name: str) -> Any:
    if name in operations.__all__:
        return getattr(operations, name)
    if name not in _OWN:
        raise missing("tf.keras.ops", name, __dir__())
    module, own = _OWN[name]
    value = globals()[name] = _named(getattr(import_module(f"tfcli.engine.ops.{module}"), own))
    return value


def __dir__() -> list[str]:
    return sorted({*_OWN, *operations.__all__})


def _named(op: Callable[..., Any]) -> Callable[..., Any]:
    """`op`, its arguments by Keras's names, too: x1, x2 are the first and the second."""

    def call(*args: Any, **kwargs: Any) -> Any:
        first = [kwargs.pop(name) for name in ("x", "x1", "x2") if name in kwargs]
        return op(*args, *first, **kwargs)

    call.__name__ = call.__qualname__ = getattr(op, "__name__", type(op).__name__)
    call.__doc__ = op.__doc__
    return call
