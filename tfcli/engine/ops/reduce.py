"""Reductions along axes (sum, mean, max, ...), the running sum and product, and the place of the largest entry."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal, not_equal
from tfcli.engine.ops.elementary import exp, sqrt
from tfcli.engine.ops.elementwise import cast, squared_difference
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.shape import ExpandDims, broadcast_like, ones_like, zeros_like
from tfcli.engine.ops.slicing import reverse
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, normalize_axes, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError

Axis = int | Sequence[int] | None


class Reduction(Op, abstract=True):
    """x without `axes`, or with size 1 there. `domain`: what `infer` accepts."""

    axes: tuple[int, ...]
    keepdims: bool = False
    domain: ClassVar[str] = "numeric"

    def infer(self, x):
        if not getattr(x.dtype, f"is_{self.domain}"):
            raise DtypeError(f"{self.name}: expected a {self.domain} tensor, got {x}; tf.cast converts")
        sizes = [1 if i in self.axes else d for i, d in enumerate(x.shape) if self.keepdims or i not in self.axes]
        return TensorSpec(Shape(sizes), x.dtype)

    def restore(self, y: Tensor) -> Tensor:
        """y with the reduced axes back, of size 1, so that it broadcasts against x."""
        return y if self.keepdims or not self.axes else ExpandDims(self.axes)(y)


class ReduceSum(Reduction):
    def forward(self, x):
        return np.sum(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)

    def vjp_x(self, g, y, x):
        return broadcast_like(self.restore(g), x)


class ReduceMean(Reduction):
    domain = "floating"

    def forward(self, x):
        with np.errstate(invalid="ignore"):
            total = np.sum(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)
            return np.divide(total, _count(x.shape, self.axes), dtype=x.dtype)

    def vjp_x(self, g, y, x):
        return ReduceMeanGrad(self.axes)(self.restore(g), x)


class ReduceMeanGrad(Op):
    """g, of size 1 along `axes`, shared equally among the entries of `like`, which lends its shape alone."""

    axes: tuple[int, ...]
    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        return np.broadcast_to(g / g.dtype.type(max(_count(like.shape, self.axes), 1)), like.shape)

    def vjp_g(self, g, y, x, like):
        return ReduceMean(self.axes, keepdims=True)(g)


def _count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return int(np.prod([shape[a] for a in axes], dtype=np.int64))


class _Extreme(Reduction, abstract=True):
    """Entries that tie for the extreme share its gradient equally, as in TensorFlow."""

    def vjp_x(self, g, y, x):
        chosen = cast(equal(x, self.restore(y)), g.dtype)
        share = chosen / ReduceSum(self.axes, keepdims=True)(chosen)
        return self.restore(g) * share


class ReduceMax(_Extreme):
    """The largest; the lowest value of the dtype where there are no entries."""

    def forward(self, x):
        return np.max(
            x, axis=self.axes, keepdims=self.keepdims, initial=-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        )


class ReduceMin(_Extreme):
    """The smallest; the highest value of the dtype where there are no entries."""

    def forward(self, x):
        return np.min(
            x, axis=self.axes, keepdims=self.keepdims, initial=np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max
        )


class ReduceProd(Reduction):
    """The product along one axis; the gradient of an entry is the product of the others, right also among zeros."""

    def forward(self, x):
        return np.prod(x, axis=self.axes, keepdims=self.keepdims, dtype=x.dtype)

    def vjp_x(self, g, y, x):
        (axis,) = self.axes
        others = cumprod(x, axis, exclusive=True) * cumprod(x, axis, exclusive=True, reverse=True)
        return self.restore(g) * others


class ReduceAny(Reduction):
    domain = "bool"
    vjp_x = None

    def forward(self, x):
        return np.any(x, axis=self.axes, keepdims=self.keepdims)


class ReduceAll(Reduction):
    domain = "bool"
    vjp_x = None

    def forward(self, x):
        return np.all(x, axis=self.axes, keepdims=self.keepdims)


class ReduceLogsumexp(Reduction):
    """log(sum(exp(x))), computed without overflow."""

    domain = "floating"

    def forward(self, x):
        top = np.max(x, axis=self.axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, x.dtype.type(0))
        with np.errstate(divide="ignore", over="ignore"):
            total = np.log(np.sum(np.exp(x - top), axis=self.axes, keepdims=True)) + top
        return total if self.keepdims else np.squeeze(total, self.axes)

    def vjp_x(self, g, y, x):
        return self.restore(g) * exp(x - self.restore(y))


def _reduce(op: type[Reduction], input_tensor: Any, axis: Axis, keepdims: bool) -> Tensor:
    tensor = convert_to_tensor(input_tensor)
    return op(normalize_axes(axis, tensor.ndim, op.name), bool(keepdims))(tensor)


def reduce_sum(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum along `axis` (all axes without one)."""
    return _reduce(ReduceSum, input_tensor, axis, keepdims)


def reduce_mean(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean along `axis`; of floats only. Raises DtypeError."""
    return _reduce(ReduceMean, input_tensor, axis, keepdims)


def reduce_max(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest along `axis`."""
    return _reduce(ReduceMax, input_tensor, axis, keepdims)


def reduce_min(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest along `axis`."""
    return _reduce(ReduceMin, input_tensor, axis, keepdims)


def reduce_prod(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product along `axis`."""
    tensor = convert_to_tensor(input_tensor)
    for a in reversed(normalize_axes(axis, tensor.ndim, "reduce_prod")):
        tensor = ReduceProd((a,), bool(keepdims))(tensor)
    return tensor


def reduce_any(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any entry along `axis` is true."""
    return _reduce(ReduceAny, input_tensor, axis, keepdims)


def reduce_all(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all entries along `axis` are true."""
    return _reduce(ReduceAll, input_tensor, axis, keepdims)


def reduce_logsumexp(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) along `axis`, without overflow."""
    return _reduce(ReduceLogsumexp, input_tensor, axis, keepdims)


def reduce_variance(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean squared distance from the mean along `axis`."""
    tensor = convert_to_tensor(input_tensor)
    return reduce_mean(squared_difference(tensor, reduce_mean(tensor, axis, keepdims=True)), axis, keepdims)


def reduce_std(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The square root of the variance along `axis`."""
    return sqrt(reduce_variance(input_tensor, axis, keepdims))


def count_nonzero(input: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = "int64") -> Tensor:
    """How many entries along `axis` are not zero (or are true)."""
    tensor = convert_to_tensor(input)
    return reduce_sum(cast(not_equal(tensor, zeros_like(tensor)), dtype), axis, keepdims)


class _ArgExtreme(Op, abstract=True):
    axis: int
    output_type: DType
    vjp_x: Any = None

    def infer(self, x):
        if x.shape[self.axis] == 0:
            raise ShapeError(f"{self.name}: axis {self.axis} of {show_shape(x.shape)} has no entries to choose from")
        return TensorSpec(Shape(d for i, d in enumerate(x.shape) if i != self.axis), self.output_type)


class Argmax(_ArgExtreme):
    def forward(self, x):
        return np.argmax(x, axis=self.axis).astype(self.output_type.numpy)


class Argmin(_ArgExtreme):
    def forward(self, x):
        return np.argmin(x, axis=self.axis).astype(self.output_type.numpy)


def argmax(input: Any, axis: int | None = None, output_type: Any = "int64") -> Tensor:
    """The index of the largest entry along `axis` (0 without one); of several the first."""
    tensor = convert_to_tensor(input)
    return Argmax(normalize_axis(axis or 0, tensor.ndim, "argmax"), as_dtype(output_type))(tensor)


def argmin(input: Any, axis: int | None = None, output_type: Any = "int64") -> Tensor:
    """The index of the smallest entry along `axis` (0 without one); of several the first."""
    tensor = convert_to_tensor(input)
    return Argmin(normalize_axis(axis or 0, tensor.ndim, "argmin"), as_dtype(output_type))(tensor)


class Cumsum(Op):
    """Entry t is the sum of the entries up to t (before t with `exclusive`; from t to the end with `reverse`)."""

    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        x = np.flip(x, self.axis) if self.reverse else x
        total = np.cumsum(x, axis=self.axis, dtype=x.dtype)
        if self.exclusive:
            total = _shifted(total, self.axis, 0)
        return np.flip(total, self.axis) if self.reverse else total

    def vjp_x(self, g, y, x):
        return Cumsum(self.axis, self.exclusive, not self.reverse)(g)


def _shifted(x: np.ndarray, axis: int, first: float) -> np.ndarray:
    """Entry t is x's entry t - 1; `first` comes first."""
    result = np.full_like(x, first)
    front = (slice(None),) * axis
    result[(*front, slice(1, None))] = x[(*front, slice(None, -1))]
    return result


class Cumprod(Op):
    """Entry t is the product of the entries up to t."""

    axis: int

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return np.cumprod(x, axis=self.axis, dtype=x.dtype)

    def vjp_x(self, g, y, x):
        # The gradient of x[t] is the product before t times r[t] = g[t] + x[t+1] r[t+1]: no division, x may be 0.
        return _recurrence_from_end(x, g, self.axis) * _shift(y, self.axis, ones_like)


class LinearRecurrence(Op):
    """y[t] = a[t] y[t-1] + b[t] along `axis`, with y[-1] = 0."""

    axis: int

    def infer(self, a, b):
        return TensorSpec(b.shape, b.dtype)

    def forward(self, a, b):
        a, y = np.moveaxis(a, self.axis, 0), np.moveaxis(b, self.axis, 0).copy()
        for t in range(1, len(y)):
            y[t] += a[t] * y[t - 1]
        return np.moveaxis(y, 0, self.axis)

    def vjp(self, g, y, a, b):
        to_b = _recurrence_from_end(a, g, self.axis)
        return to_b * _shift(y, self.axis, zeros_like), to_b


def _recurrence_from_end(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """y[t] = b[t] + a[t+1] y[t+1], with 0 beyond the end."""
    return _turned(LinearRecurrence(axis)(_shift(_turned(a, axis), axis, ones_like), _turned(b, axis)), axis)


def _turned(x: Tensor, axis: int) -> Tensor:
    return reverse(x, [axis])


def _shift(x: Tensor, axis: int, first: Callable[..., Tensor]) -> Tensor:
    """Entry t is x's entry t - 1; `first` (ones_like or zeros_like) makes the entry that comes first."""
    front = (slice(None),) * axis
    return concat([first(x[(*front, slice(None, 1))]), x[(*front, slice(None, -1))]], axis)


def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The running sum along `axis`: `exclusive` leaves each entry itself out, `reverse` runs from the end."""
    tensor = convert_to_tensor(x)
    return Cumsum(normalize_axis(axis, tensor.ndim, "cumsum"), bool(exclusive), bool(reverse))(tensor)


def cumprod(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The running product along `axis`: `exclusive` leaves each entry itself out, `reverse` runs from the end."""
    tensor = convert_to_tensor(x)
    axis = normalize_axis(axis, tensor.ndim, "cumprod")
    if reverse:
        return _turned(cumprod(_turned(tensor, axis), axis, exclusive), axis)
    product = Cumprod(axis)(tensor)
    return _shift(product, axis, ones_like) if exclusive else product
