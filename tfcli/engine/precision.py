"""Mixed precision: products take operands rounded to 16 bits; their sums, and all the rest, are float32.

Inside `products_in("bfloat16")` the ops that multiply and sum become LowPrecision, on a tape and in a graph. Before a
graph runs, a pass writes the roundings out, so that each operand is rounded once, by what computes it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.errors import DtypeError


def round_to_bfloat16(x: np.ndarray) -> np.ndarray:
    """float32 -> the nearest of the float32 numbers whose last 16 bits are zero; of two as near, the even one."""
    bits = x.view(np.uint32)
    with np.errstate(over="ignore"):
        rounded = bits + (((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF))
    rounded &= np.uint32(0xFFFF0000)
    result = rounded.view(np.float32)
    lost = np.isnan(x)
    return np.where(lost, np.float32(np.nan), result) if lost.any() else result


def round_to_float16(x: np.ndarray) -> np.ndarray:
    """float32 -> the nearest of the numbers that float16 holds; infinity from 65520 on."""
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float32)


FORMATS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bfloat16": round_to_bfloat16,
    "float16": round_to_float16,
}
"""How operands can be rounded."""


class _State(threading.local):
    operands: str | None = None


_state = _State()


@contextmanager
def products_in(operands: str | None) -> Iterator[None]:
    """Products inside round their float32 operands to this one of FORMATS; None: not at all."""
    before, _state.operands = _state.operands, operands
    try:
        yield
    finally:
        _state.operands = before


def as_product(op: Op) -> Op:
    """What a product is here and now: itself, or itself with rounded operands."""
    return op if _state.operands is None else LowPrecision(op, _state.operands)


class Rounded(Op):
    """float32 -> float32, to the nearest number that `operands`, one of FORMATS, holds. Gradients pass unchanged."""

    operands: str

    def infer(self, x):
        if x.dtype != "float32":
            raise DtypeError(f"rounded: expected float32, got {x.dtype.name}")
        return x

    def forward(self, x):
        return FORMATS[self.operands](np.asarray(x))

    def vjp_x(self, g, y, x):
        return g


class LowPrecision(Op):
    """A product of float32 operands that are rounded first. A tape differentiates the product itself, with products
    that round likewise.
    """

    product: Op
    operands: str
    vjp: Any = None

    def infer(self, *inputs):
        return self.product.infer(*inputs)

    def forward(self, *inputs):
        rounded = FORMATS[self.operands]
        return self.product.forward(*map(rounded, inputs))  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"{self.operands} {self.product!r}"
