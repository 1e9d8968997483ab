"""tfcli: neural networks from one YAML file, and the engine beneath under TensorFlow's names.

    import tfcli as tf

Names are loaded when they are first used; importing the package alone loads neither numpy nor any optional package.
"""

from importlib import import_module
from typing import Any

from tfcli.engine.kernels.blas import choose_blas_kernels

__version__ = "0.1.0"

choose_blas_kernels()  # before anything imports numpy

_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 string"

_MODULES = {
    "engine.tensor": "Tensor Variable constant convert_to_tensor",
    "engine.spec": "TensorSpec DType as_dtype",
    "engine.tape": "GradientTape",
    "engine.function": "function",
    "engine.dispatch": "executing_eagerly",
    "engine.ops.elementwise": (
        "add subtract multiply divide maximum minimum squared_difference less less_equal greater greater_equal equal "
        "not_equal logical_and logical_or logical_xor logical_not negative sign floor square sqrt exp sin cos tan asin "
        "acos atan sinh cosh tanh asinh acosh atanh sigmoid stop_gradient identity cast where clip_by_value abs=abs_ "
        "pow=pow_ round=round_"
    ),
    "engine.ops.shape": (
        "reshape transpose expand_dims squeeze concat stack split unstack pad tile repeat reverse shape broadcast_to "
        "zeros ones fill zeros_like ones_like"
    ),
    "engine.ops.reduce": (
        "reduce_sum reduce_mean reduce_prod reduce_max reduce_min reduce_any reduce_all reduce_logsumexp argmax argmin "
        "cumsum"
    ),
    "engine.ops.linalg": "matmul einsum tensordot",
    "engine.ops.index": "gather gather_nd scatter_nd tensor_scatter_nd_update boolean_mask one_hot",
}

_PLACES = {
    public: (module, own or public)
    for module, names in _MODULES.items()
    for public, _, own in (name.partition("=") for name in names.split())
}


def __getattr__(name: str) -> Any:
    if name in _DTYPES.split():
        value = import_module("tfcli.engine.spec").DTYPES[name]
    elif name in _PLACES:
        module, own = _PLACES[name]
        value = getattr(import_module(f"tfcli.{module}"), own)
    else:
        raise AttributeError(f"module 'tfcli' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES, *_DTYPES.split()])
