"""Kinds of ops that work entry by entry: what they take, and how two inputs come to one dtype and shape."""

from typing import Any, ClassVar

import numpy as np

from tfcli.engine.dispatch import apply, labelled_as
from tfcli.engine.op import Op
from tfcli.engine.spec import DType, TensorSpec, bool_, broadcast
from tfcli.engine.tensor import Symbol, Tensor, Variable, constant, convert_to_tensor
from tfcli.errors import DtypeError


def promote(x: Any, y: Any, what: str) -> tuple[Tensor, Tensor]:
    """Both as tensors of one dtype: Python numbers and numpy arrays adapt to a tensor beside them. Raises
    DtypeError."""
    if isinstance(x, Tensor | Variable):
        x = convert_to_tensor(x)
        return x, _adapt(y, x.dtype, what)
    if isinstance(y, Tensor | Variable):
        y = convert_to_tensor(y)
        return _adapt(x, y.dtype, what), y
    x, y = convert_to_tensor(x), convert_to_tensor(y)
    return (x, y) if x.dtype == y.dtype else (x, _adapt(y.array, x.dtype, what))


def _adapt(value: Any, dtype: DType, what: str) -> Tensor:
    if isinstance(value, Tensor | Variable):
        return convert_to_tensor(value)
    own = convert_to_tensor(value)
    if own.dtype == dtype or isinstance(own, Symbol):
        return own
    if not _fits(own, dtype):
        raise DtypeError(f"{what}: {value!r} does not fit beside a {dtype.name} tensor; tf.cast converts")
    # From the value itself: on the way through float32, 0.1 would not be float64's 0.1.
    return constant(value, dtype)


def _fits(tensor: Tensor, dtype: DType) -> bool:
    """Whether these numbers may become `dtype` without a word: ints in its range, or ints and floats as floats."""
    if tensor.dtype.is_integer and dtype.is_integer:
        return not tensor.array.size or bool(dtype.min <= tensor.array.min() and tensor.array.max() <= dtype.max)
    return tensor.dtype.is_numeric and np.can_cast(tensor.dtype.numpy, dtype.numpy, "same_kind")


class Unary(Op, abstract=True):
    """x of any shape; the output has the same shape and dtype. `domain`: what `infer` accepts."""

    domain: ClassVar[str] = "numeric"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if not getattr(x.dtype, f"is_{self.domain}"):
            raise DtypeError(f"{self.name}: expected a {self.domain} tensor, got {x.dtype.name}; tf.cast converts")
        return TensorSpec(x.shape, x.dtype)


class Floating(Unary, abstract=True):
    domain = "floating"


class Predicate(Unary, abstract=True):
    """x of any shape -> bool."""

    vjp_x: Any = None

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(super().infer(x).shape, bool_)


class Binary(Op, abstract=True):
    """x and y of one dtype, broadcast against each other."""

    def __call__(self, x: Any, y: Any, name: str | None = None) -> Tensor:
        return labelled_as(name, apply(self, *promote(x, y, self.name)))

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if x.dtype != y.dtype:
            raise DtypeError(f"{self.name}: x is {x}, y is {y}; both must have one dtype, tf.cast converts")
        if not x.dtype.is_numeric:
            raise DtypeError(f"{self.name}: expected numbers, got {x.dtype.name}; tf.cast converts")
        return TensorSpec(broadcast(x.shape, y.shape, self.name), x.dtype)


class FloatingBinary(Binary, abstract=True):
    """x and y of one float dtype, broadcast against each other."""

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if not (x.dtype.is_floating and y.dtype.is_floating):
            raise DtypeError(f"{self.name}: expected floating tensors, got {x} and {y}; tf.cast converts")
        return super().infer(x, y)


class Comparison(Binary, abstract=True):
    """x and y of one dtype, broadcast -> bool."""

    vjp_x: Any = None
    vjp_y: Any = None

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        return TensorSpec(super().infer(x, y).shape, bool_)


class Logical(Binary, abstract=True):
    """x and y bool, broadcast -> bool."""

    vjp_x: Any = None
    vjp_y: Any = None

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if not (x.dtype.is_bool and y.dtype.is_bool):
            raise DtypeError(f"{self.name}: expected bool tensors, got {x} and {y}")
        return TensorSpec(broadcast(x.shape, y.shape, self.name), bool_)
