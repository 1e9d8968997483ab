"""Sums of lists, counts, sets of values, tests of order, and running logarithms of sums."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal, less, less_equal
from tfcli.engine.ops.elementary import exp, log, sqrt
from tfcli.engine.ops.elementwise import (
    add,
    cast,
    square,
    where,
)
from tfcli.engine.ops.index import scatter_nd
from tfcli.engine.ops.join import stack
from tfcli.engine.ops.kinds import Floating
from tfcli.engine.ops.reduce import Axis, reduce_all, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_like, ones_like, reshape, zeros_like
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, int32, int64, normalize_axis, show_shape
from tfcli.engine.tensor import Symbol, Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


def add_n(inputs: Sequence[Any]) -> Tensor:
    """The sum of tensors of one shape and dtype. Raises TfcliError for an empty list, ShapeError."""
    tensors = [convert_to_tensor(x) for x in (inputs if isinstance(inputs, list | tuple) else [inputs])]
    if not tensors:
        raise TfcliError("add_n: expected at least one tensor")
    for other in tensors[1:]:
        if len(other.shape) != len(tensors[0].shape):
            raise ShapeError(f"add_n: {show_shape(tensors[0].shape)} and {show_shape(other.shape)} must be one shape")
    return functools.reduce(add, tensors)


def accumulate_n(inputs: Sequence[Any], shape: Any = None, tensor_dtype: Any = None) -> Tensor:
    """The sum of tensors of one shape and dtype. Raises TfcliError, ShapeError."""
    return add_n(inputs)


def scalar_mul(scalar: Any, x: Any) -> Tensor:
    """A number times a tensor."""
    return scalar * convert_to_tensor(x)


def zero_fraction(value: Any) -> Tensor:
    """The share of entries that are 0, as float32."""
    x = convert_to_tensor(value)
    return reduce_mean(cast(equal(x, zeros_like(x)), "float32"))


def polyval(coeffs: Sequence[Any], x: Any) -> Tensor:
    """The polynomial with these coefficients, the highest power first, at x."""
    x = convert_to_tensor(x)
    if not coeffs:
        return zeros_like(x)
    return functools.reduce(lambda total, c: total * x + c, coeffs[1:], coeffs[0] + zeros_like(x))


def reduce_euclidean_norm(input_tensor: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The square root of the sum of squares along `axis`."""
    return sqrt(reduce_sum(square(input_tensor), axis, keepdims))


def is_non_decreasing(x: Any) -> Tensor:
    """Whether no entry is smaller than the one before, in row-major order."""
    flat = reshape(x, [-1])
    return reduce_all(less_equal(flat[:-1], flat[1:]))


def is_strictly_increasing(x: Any) -> Tensor:
    """Whether each entry is larger than the one before, in row-major order."""
    flat = reshape(x, [-1])
    return reduce_all(less(flat[:-1], flat[1:]))


class CumulativeLogsumexp(Floating):
    """Entry t is log(sum(exp(x))) up to t (before t with `exclusive`; from t to the end with `reverse`)."""

    axis: int
    exclusive: bool = False
    reverse: bool = False

    def forward(self, x):
        x = np.flip(x, self.axis) if self.reverse else x
        with np.errstate(invalid="ignore", over="ignore"):
            total = np.logaddexp.accumulate(x, axis=self.axis)
        if self.exclusive:
            total = np.roll(total, 1, self.axis)
            total[(*(slice(None),) * self.axis, slice(0, 1))] = np.finfo(x.dtype).min
        return np.flip(total, self.axis) if self.reverse else total

    def vjp_x(self, g, y, x):
        back = CumulativeLogsumexp(self.axis, self.exclusive, not self.reverse)
        lowest = broadcast_like(g.dtype.min, g)
        positive, negative = g > 0.0, g < 0.0
        ups = where(positive, log(where(positive, g, ones_like(g))), lowest)
        downs = where(negative, log(where(negative, -g, ones_like(g))), lowest)
        return exp(back(where(positive, ups - y, ups)) + x) - exp(back(where(negative, downs - y, downs)) + x)


def cumulative_logsumexp(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The running log(sum(exp(x))) along `axis`. Raises ShapeError, DtypeError."""
    x = convert_to_tensor(x)
    return CumulativeLogsumexp(normalize_axis(axis, x.ndim, "cumulative_logsumexp"), bool(exclusive), bool(reverse))(x)


class Unique(Op):
    """The distinct entries of a vector in order of first appearance, where each entry is among them, their counts."""

    out_idx: DType
    vjp_x = None

    def infer(self, x):
        if x.rank != 1:
            raise ShapeError(
                f"unique: expected a vector, got a tensor of shape {show_shape(x.shape)}; tf.reshape makes one"
            )
        unknown = Shape((None,))
        return TensorSpec(unknown, x.dtype), TensorSpec(x.shape, self.out_idx), TensorSpec(unknown, self.out_idx)

    def forward(self, x):
        _, first, places, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        kind = self.out_idx.numpy
        return x[first[order]], rank[places].astype(kind), counts[order].astype(kind)


class UniqueResult(NamedTuple):
    y: Tensor
    idx: Tensor


class UniqueWithCountsResult(NamedTuple):
    y: Tensor
    idx: Tensor
    count: Tensor  # type: ignore[assignment]  # TensorFlow's name, also tuple's


def unique(x: Any, out_idx: Any = int32) -> UniqueResult:
    """The distinct entries of a vector, in order of first appearance, and where each entry is among them."""
    return UniqueResult(*Unique(as_dtype(out_idx))(x)[:2])


def unique_with_counts(x: Any, out_idx: Any = int32) -> UniqueWithCountsResult:
    """As `unique`, with how often each occurs."""
    return UniqueWithCountsResult(*Unique(as_dtype(out_idx))(x))


class InvertPermutation(Op):
    """y with y[x[i]] = i."""

    vjp_x = None

    def infer(self, x):
        if x.rank != 1 or not x.dtype.is_integer:
            raise ShapeError(f"invert_permutation: expected a vector of integers, got {x}")
        return x

    def forward(self, x):
        if not np.array_equal(np.sort(x), np.arange(len(x))):
            raise TfcliError(f"invert_permutation: {x[:8]} is no permutation of 0 … {len(x) - 1}")
        return np.argsort(x).astype(x.dtype)


invert_permutation = InvertPermutation()


class Bincount(Op):
    """How often each number occurs in x, or the sum of the weights where it does: (…, max + 1) between the bounds."""

    minlength: int
    maxlength: int | None
    binary: bool
    by_row: bool
    dtype: DType

    def infer(self, x, *weights):
        if not x.dtype.is_integer:
            raise DtypeError(f"bincount: expected integers, got {x}; tf.cast converts")
        size = self.maxlength if self.maxlength == self.minlength else None
        return TensorSpec(Shape((*x.shape[:1], size) if self.by_row else (size,)), self.dtype)

    def forward(self, x, *weights):
        if x.size and x.min() < 0:
            raise TfcliError(f"bincount: expected numbers from 0 on, got {x.min()}")
        size = max(self.minlength, int(x.max(initial=-1)) + 1)
        size = size if self.maxlength is None else min(size, self.maxlength)
        rows = x.reshape(len(x) if self.by_row else 1, -1)
        shares = weights[0].reshape(rows.shape) if weights else np.ones(rows.shape, self.dtype.numpy)
        total = np.zeros((len(rows), size), self.dtype.numpy)
        for row, values, share in zip(total, rows, shares, strict=True):
            kept = values < size
            np.add.at(row, values[kept], share[kept].astype(self.dtype.numpy))
        total = (total != 0).astype(self.dtype.numpy) if self.binary else total
        return total if self.by_row else total[0]

    def vjp(self, g, y, x, *weights):
        return (None,) * (1 + len(weights))


def bincount(
    arr: Any,
    weights: Any = None,
    minlength: int | None = None,
    maxlength: int | None = None,
    dtype: Any = int32,
    axis: int | None = None,
    binary_output: bool = False,
) -> Tensor:
    """How often each number from 0 on occurs, over all entries (axis None or 0), or for each row (axis -1).

    `weights` are summed in the place of ones. Raises DtypeError, TfcliError.
    """
    if axis not in (None, 0, -1):
        raise TfcliError(f"bincount: axis must be None, 0 or -1, got {axis}")
    x = convert_to_tensor(arr)
    given = [] if weights is None else [convert_to_tensor(weights)]
    kind = given[0].dtype if given else as_dtype(dtype)
    most = None if maxlength is None else int(maxlength)
    return Bincount(int(minlength or 0), most, bool(binary_output), axis == -1 and x.ndim == 2, kind)(x, *given)


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: int | None = None, weights: Any = None, dtype: Any = int32
) -> Tensor:
    """(num_classes, num_classes): how often each label (row) was predicted as each class. Raises TfcliError."""
    truth, guess = cast(labels, int64), cast(predictions, int64)
    if num_classes is None:
        if isinstance(truth, Symbol) or isinstance(guess, Symbol):
            raise TfcliError(
                "confusion_matrix: give num_classes in a traced function, where the labels are not known yet"
            )
        num_classes = int(max(truth.array.max(initial=-1), guess.array.max(initial=-1))) + 1
    counted = ones_like(truth, as_dtype(dtype)) if weights is None else cast(weights, dtype)
    return scatter_nd(stack([truth, guess], 1), counted, [int(num_classes)] * 2)


def histogram_fixed_width_bins(values: Any, value_range: Any, nbins: int = 100, dtype: Any = int32) -> Tensor:
    """The number of the bin, of `nbins` equal ones over `value_range`, in which each value lies."""
    x = convert_to_tensor(values)
    low, high = (convert_to_tensor(v, x.dtype) for v in np.asarray(value_range, x.dtype.numpy))
    places = cast((x - low) / (high - low) * float(nbins), int32)
    return cast(
        where(places < 0, zeros_like(places), where(places >= nbins, zeros_like(places) + (nbins - 1), places)), dtype
    )


def histogram_fixed_width(values: Any, value_range: Any, nbins: int = 100, dtype: Any = int32) -> Tensor:
    """How many values lie in each of `nbins` equal bins over `value_range`; those beyond are in the outer ones."""
    return bincount(histogram_fixed_width_bins(values, value_range, nbins), None, nbins, nbins, dtype)


def global_norm(t_list: Sequence[Any]) -> Tensor:
    """The Euclidean norm of all entries of several tensors together; None is left out."""
    return sqrt(add_n([reduce_sum(square(convert_to_tensor(t))) for t in t_list if t is not None]))


def clip_by_norm(t: Any, clip_norm: Any, axes: Axis = None) -> Tensor:
    """t scaled down where its Euclidean norm along `axes` is above `clip_norm`."""
    x = convert_to_tensor(t)
    total = reduce_sum(square(x), axes, keepdims=True)
    positive = total > 0
    size = where(positive, sqrt(where(positive, total, ones_like(total))), total)
    over = size > clip_norm
    return x * clip_norm / where(over, size, ones_like(size) * clip_norm)


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None) -> tuple[list[Any], Tensor]:
    """Tensors scaled down together where their common norm is above `clip_norm`; and that norm. None stays None."""
    size = global_norm(t_list) if use_norm is None else convert_to_tensor(use_norm)
    over = size > clip_norm
    scale = clip_norm / where(over, size, ones_like(size) * clip_norm)
    return [None if t is None else convert_to_tensor(t) * scale for t in t_list], size


def clip_by_average_norm(t: Any, clip_norm: Any) -> Tensor:
    """t scaled down where its norm over the number of entries is above `clip_norm`."""
    x = convert_to_tensor(t)
    count = reduce_sum(ones_like(x))
    return clip_by_norm(x, clip_norm * count)


def l2_loss(t: Any) -> Tensor:
    """Half the sum of squares."""
    return 0.5 * reduce_sum(square(t))
