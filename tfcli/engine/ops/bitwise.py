"""Bit by bit: integers of one dtype, broadcast."""

from typing import Any

import numpy as np

from tfcli.engine.ops.kinds import Binary, Unary
from tfcli.errors import DtypeError


class _Bits(Binary, abstract=True):
    vjp_x: Any = None
    vjp_y: Any = None

    def infer(self, x, y):
        if not (x.dtype.is_integer and y.dtype.is_integer):
            raise DtypeError(f"{self.name}: expected integers, got {x} and {y}; tf.cast converts")
        return super().infer(x, y)


class BitwiseAnd(_Bits):
    def forward(self, x, y):
        return np.bitwise_and(x, y)


class BitwiseOr(_Bits):
    def forward(self, x, y):
        return np.bitwise_or(x, y)


class BitwiseXor(_Bits):
    def forward(self, x, y):
        return np.bitwise_xor(x, y)


class LeftShift(_Bits):
    def forward(self, x, y):
        return np.left_shift(x, y)


class RightShift(_Bits):
    def forward(self, x, y):
        return np.right_shift(x, y)


class Invert(Unary):
    """Every bit turned over."""

    domain = "integer"
    vjp_x = None

    def forward(self, x):
        return np.invert(x)


bitwise_and, bitwise_or, bitwise_xor = BitwiseAnd(), BitwiseOr(), BitwiseXor()
left_shift, right_shift, invert = LeftShift(), RightShift(), Invert()
