"""tfcli: neural networks from one YAML file, and the engine beneath under TensorFlow's names.

    import tfcli as tf

Names are loaded when they are first used; importing the package alone loads neither numpy nor any optional package.
"""

from typing import Any

from tfcli.engine.kernels.blas import choose_blas_kernels
from tfcli.namespaces import lookup as _lookup
from tfcli.namespaces import public_names

__version__ = "0.1.0"

choose_blas_kernels()  # before anything imports numpy

newaxis = None


def __getattr__(name: str) -> Any:
    value = _lookup("", name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *public_names("")})
