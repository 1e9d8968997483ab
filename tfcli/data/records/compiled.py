"""The kernels as Python or as machine code, whichever is sooner done.

Loading numba and its cached code takes about half a second, the Python functions read some three megabytes a second.
"""

import functools
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np

from tfcli.crc import TABLES
from tfcli.data.records import kernels

WORTH_COMPILING = 2**20
"""Bytes from which on compiled kernels are used."""


@dataclass(frozen=True)
class Kernels:
    """The functions of `kernels`, the checksum's tables and the form of bytes that go with them."""

    run: Any
    tables: Any
    fast: bool

    def view(self, data: bytes) -> Any:
        return np.frombuffer(data, np.uint8) if self.fast else data


_PLAIN = Kernels(kernels, TABLES, False)


def kernels_for(size: int) -> Kernels:
    """What to read `size` bytes with."""
    return _compiled() if size >= WORTH_COMPILING else _PLAIN


@functools.cache
def _compiled() -> Kernels:
    import numba

    scope: dict[str, Any] = dict(vars(kernels))
    for function in kernels.KERNELS:
        twin = FunctionType(function.__code__, scope, function.__name__)
        twin.__module__, twin.__qualname__ = kernels.__name__, function.__qualname__
        scope[function.__name__] = numba.njit(cache=True, nogil=True)(twin)
    return Kernels(SimpleNamespace(**scope), np.array(TABLES, np.int64), True)
