"""Complex numbers: made of their parts and taken apart. A real loss has the gradient ∂/∂re + i ∂/∂im."""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.elementwise import atan2
from tfcli.engine.ops.kinds import promote
from tfcli.engine.ops.shape import sum_to, zeros_like
from tfcli.engine.spec import DType, TensorSpec, as_dtype, broadcast
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError

COMPLEX = {"float32": as_dtype("complex64"), "float64": as_dtype("complex128")}
REAL = {"complex64": as_dtype("float32"), "complex128": as_dtype("float64")}


def complex_of(what: str, dtype: DType) -> DType:
    """The complex dtype of a real one. Raises DtypeError."""
    if dtype.name not in COMPLEX:
        raise DtypeError(f"{what}: expected a float32 or float64 tensor, got {dtype.name}; tf.cast converts")
    return COMPLEX[dtype.name]


def real_of(what: str, dtype: DType) -> DType:
    """The real dtype of a complex one. Raises DtypeError."""
    if dtype.name not in REAL:
        raise DtypeError(f"{what}: expected a complex tensor, got {dtype.name}; tf.complex makes one of two real ones")
    return REAL[dtype.name]


class Complex(Op):
    """real + i imag, broadcast."""

    def infer(self, real, imag):
        if real.dtype != imag.dtype:
            raise DtypeError(f"complex: real is {real}, imag is {imag}; both must have one dtype, tf.cast converts")
        return TensorSpec(broadcast(real.shape, imag.shape, "complex"), complex_of("complex", real.dtype))

    def forward(self, real, imag):
        return real + imag * np.asarray(1j, np.result_type(real.dtype, np.complex64))

    def vjp_real(self, g, y, real, imag):
        return sum_to(Real()(g), real)

    def vjp_imag(self, g, y, real, imag):
        return sum_to(Imag()(g), imag)


class Real(Op):
    """The real part."""

    def infer(self, x):
        return TensorSpec(x.shape, real_of("real", x.dtype))

    def forward(self, x):
        return x.real.copy()

    def vjp_x(self, g, y, x):
        return Complex()(g, zeros_like(g))


class Imag(Op):
    """The imaginary part."""

    def infer(self, x):
        return TensorSpec(x.shape, real_of("imag", x.dtype))

    def forward(self, x):
        return x.imag.copy()

    def vjp_x(self, g, y, x):
        return Complex()(zeros_like(g), g)


class Conj(Op):
    """The complex conjugate."""

    def infer(self, x):
        real_of("conj", x.dtype)
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return np.conj(x)

    def vjp_x(self, g, y, x):
        return Conj()(g)


class ComplexAbs(Op):
    """|x| of complex x; the gradient at 0 is 0."""

    def infer(self, x):
        return TensorSpec(x.shape, real_of("abs", x.dtype))

    def forward(self, x):
        return np.abs(x)

    def vjp_x(self, g, y, x):
        return Complex()(g, zeros_like(g)) * ComplexSign()(x)


class ComplexSign(Op):
    """x / |x|, and 0 at 0."""

    def infer(self, x):
        real_of("sign", x.dtype)
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return np.sign(x)

    def vjp_x(self, g, y, x):
        size = ComplexAbs()(x)
        along = Real()(g * Conj()(y))
        return (g - Complex()(along, zeros_like(along)) * y) / Complex()(size, zeros_like(size))


def complex_(real: Any, imag: Any) -> Tensor:
    """real + i imag. Raises DtypeError, ShapeError."""
    return Complex()(*promote(real, imag, "complex"))


def real(input: Any) -> Tensor:
    """The real part; a real tensor is its own."""
    x = convert_to_tensor(input)
    return Real()(x) if x.dtype.is_complex else x


def imag(input: Any) -> Tensor:
    """The imaginary part; zeros for a real tensor."""
    x = convert_to_tensor(input)
    return Imag()(x) if x.dtype.is_complex else zeros_like(x)


def conj(x: Any) -> Tensor:
    """The complex conjugate; a real tensor is its own."""
    x = convert_to_tensor(x)
    return Conj()(x) if x.dtype.is_complex else x


def angle(input: Any) -> Tensor:
    """The angle of complex numbers, 0 or π for real ones."""
    x = convert_to_tensor(input)
    return atan2(imag(x), real(x))


def adjoint(matrix: Any) -> Tensor:
    """The last two axes exchanged, conjugated where complex."""
    from tfcli.engine.ops.decomposition import matrix_transpose

    return conj(matrix_transpose(matrix))
