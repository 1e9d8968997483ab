"""What tf.keras.ops has under Keras's names that no op of the engine is under another."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tfcli.engine import tensor as tensors
from tfcli.engine.ops import (
    arrange,
    branch,
    elementary,
    elementwise,
    index,
    join,
    linalg,
    loops,
    reduce,
    segment,
    slicing,
)
from tfcli.engine.ops import shape as shapes
from tfcli.engine.spec import Shape, as_dtype, normalize_axis
from tfcli.engine.tensor import Tensor
from tfcli.models.layers.base import settings

__all__ = [
    "append", "arange", "array", "average", "binary_crossentropy", "cast", "categorical_crossentropy", "clip",
    "concatenate", "cond", "convert_to_numpy", "convert_to_tensor", "copy", "diag", "diff", "dot", "empty",
    "expand_dims", "eye", "flip", "fori_loop", "full", "full_like", "hstack", "identity", "is_tensor", "linspace",
    "log2", "log10", "logaddexp", "median", "moveaxis", "multi_hot", "nonzero", "normalize", "one_hot", "ones",
    "outer", "pad", "ravel", "reshape", "scan", "scatter", "scatter_update", "segment_max", "segment_sum", "shape",
    "size", "slice", "slice_update", "sparse_categorical_crossentropy", "split", "squeeze", "stack", "swapaxes",
    "switch", "take", "take_along_axis", "transpose", "tril", "triu", "unstack", "vstack", "where", "while_loop",
    "zeros",
]  # fmt: skip


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """x as a tensor, cast to `dtype`; there are no sparse or ragged ones to keep."""
    tensor = tensors.convert_to_tensor(x)
    return tensor if dtype is None else elementwise.cast(tensor, dtype)


array = convert_to_tensor


def convert_to_numpy(x: Any) -> np.ndarray:
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes: numbers, and tensors for those that are only known when a graph runs."""
    tensor = tensors.convert_to_tensor(x)
    return tuple(shapes.shape(tensor)[i] if d is None else d for i, d in enumerate(tensor.shape))


def cast(x: Any, dtype: Any) -> Tensor:
    return elementwise.cast(x, dtype)


def copy(x: Any) -> Tensor:
    return elementwise.identity(x)


# made of sizes


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    return shapes.zeros(shape, dtype or settings.floatx)


empty = zeros


def ones(shape: Any, dtype: Any = None) -> Tensor:
    return shapes.ones(shape, dtype or settings.floatx)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    return shapes.fill(shape, elementwise.cast(fill_value, dtype or settings.floatx))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    return shapes.broadcast_like(elementwise.cast(fill_value, dtype or tensors.convert_to_tensor(x).dtype), x)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    return index.range_(start, stop, step, dtype)


def linspace(start: Any, stop: Any, num: int = 50, dtype: Any = None) -> Tensor:
    return elementwise.cast(index.linspace(start, stop, num), dtype or settings.floatx)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    return tensors.convert_to_tensor(np.eye(N, M, k, as_dtype(dtype or settings.floatx).numpy))


def identity(n: int, dtype: Any = None) -> Tensor:
    return eye(n, dtype=dtype)


# rearranged


def reshape(x: Any, newshape: Any) -> Tensor:
    return shapes.reshape(x, newshape)


def ravel(x: Any) -> Tensor:
    return shapes.reshape(x, [-1])


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    return shapes.transpose(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    tensor = tensors.convert_to_tensor(x)
    order = list(range(tensor.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return shapes.transpose(tensor, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    tensor = tensors.convert_to_tensor(x)
    pairs = zip(np.atleast_1d(source).tolist(), np.atleast_1d(destination).tolist(), strict=True)
    moves = {to % tensor.ndim: axis % tensor.ndim for axis, to in pairs}
    rest = iter(axis for axis in range(tensor.ndim) if axis not in moves.values())
    return shapes.transpose(tensor, [moves[i] if i in moves else next(rest) for i in range(tensor.ndim)])


def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    tensor = tensors.convert_to_tensor(x)
    for place in sorted(np.atleast_1d(axis).tolist()):
        tensor = shapes.expand_dims(tensor, place)
    return tensor


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    return shapes.squeeze(x, axis)


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    return join.concat(xs, axis)


def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    return join.concat([ravel(x1), ravel(x2)], 0) if axis is None else join.concat([x1, x2], axis)


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    return join.stack(x, axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    return join.unstack(x, num, axis)


def hstack(xs: Sequence[Any]) -> Tensor:
    return join.concat(xs, 0 if tensors.convert_to_tensor(xs[0]).ndim == 1 else 1)


def vstack(xs: Sequence[Any]) -> Tensor:
    rows = [tensors.convert_to_tensor(x) for x in xs]
    return join.concat([shapes.expand_dims(x, 0) if x.ndim == 1 else x for x in rows], 0)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Equal parts, or those that end before each of the indices."""
    if isinstance(indices_or_sections, int):
        return join.split(x, indices_or_sections, axis)
    tensor = tensors.convert_to_tensor(x)
    front = (builtin_slice(None),) * normalize_axis(axis, tensor.ndim, "split")
    edges = [None, *indices_or_sections, None]
    return [tensor[(*front, builtin_slice(a, b))] for a, b in pairwise(edges)]


def flip(x: Any, axis: Any = None) -> Tensor:
    tensor = tensors.convert_to_tensor(x)
    return slicing.reverse(tensor, range(tensor.ndim) if axis is None else np.atleast_1d(axis).tolist())


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0.0) -> Tensor:
    """(before, after) for each axis, or one pair or number for all; `mode` as in numpy.pad. Raises ShapeError."""
    tensor = tensors.convert_to_tensor(x)
    pairs = np.broadcast_to(np.asarray(pad_width), (tensor.ndim, 2)).tolist()
    if mode == "constant":
        return join.pad(tensor, pairs, constant_values or 0.0)
    sizes = [int(d) for d in tensor.shape]  # type: ignore[arg-type]
    for axis, (pair, size) in enumerate(zip(pairs, sizes, strict=True)):
        if any(pair):
            tensor = index.gather(tensor, np.pad(np.arange(size), pair, mode=mode), axis=axis)  # type: ignore[call-overload]
    return tensor


def tril(x: Any, k: int = 0) -> Tensor:
    return linalg.band_part(x, -1, 0) if k == 0 else _triangle(x, lambda rows, columns: columns <= rows + k)


def triu(x: Any, k: int = 0) -> Tensor:
    return _triangle(x, lambda rows, columns: columns >= rows + k)


def _triangle(x: Any, keeps: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tensor:
    tensor = tensors.convert_to_tensor(x)
    rows, columns = np.indices([int(d) for d in tensor.shape[-2:]])  # type: ignore[arg-type]
    return tensor * keeps(rows, columns).astype(tensor.dtype.numpy)


def diag(x: Any, k: int = 0) -> Tensor:
    """A matrix with x on its diagonal, or the diagonal of a matrix."""
    from tfcli.engine.ops.decomposition import matrix_diag, matrix_diag_part

    tensor = tensors.convert_to_tensor(x)
    return matrix_diag(tensor, k=k) if tensor.ndim == 1 else matrix_diag_part(tensor, k=k)


# entries by place


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Entries at `indices`, of all in a row without an axis; places may count from the end."""
    tensor = ravel(x) if axis is None else tensors.convert_to_tensor(x)
    places, along = tensors.convert_to_tensor(indices), 0 if axis is None else axis
    size = elementwise.cast(shapes.shape(tensor)[along], places.dtype)
    return index.gather(tensor, elementwise.where(places < 0, places + size, places), axis=along)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Along `axis`, for each place of the other axes the entries that `indices` names there."""
    if axis is None:
        return take(x, ravel(indices))
    tensor, places = tensors.convert_to_tensor(x), tensors.convert_to_tensor(indices)
    last = tensor.ndim - 1
    along = swapaxes(tensor, axis, last), swapaxes(places, axis, last)
    return swapaxes(index.gather(*along, axis=last, batch_dims=last), axis, last)


def scatter(indices: Any, values: Any, shape: Any) -> Tensor:
    return index.scatter_nd(indices, values, shape)


def scatter_update(inputs: Any, indices: Any, updates: Any) -> Tensor:
    return index.tensor_scatter_nd_update(inputs, indices, updates)


builtin_slice = slice


def slice(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    return arrange.slice_(inputs, start_indices, shape)


def slice_update(inputs: Any, start_indices: Sequence[Any], updates: Any) -> Tensor:
    """`inputs` with `updates` from `start_indices` on."""
    from tfcli.engine.ops.dynamic import updated_at

    x = tensors.convert_to_tensor(inputs)
    values = tensors.convert_to_tensor(updates, x.dtype)
    sizes = [start_indices[i] + int(d) for i, d in enumerate(values.shape)]  # type: ignore[arg-type]
    return updated_at(x, tuple(builtin_slice(start_indices[i], end) for i, end in enumerate(sizes)), values)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    return nonzero(condition) if x1 is None else elementwise.where(condition, x1, x2)


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """For each axis the places of the entries that are not 0."""
    places = arrange.where_(elementwise.cast(x, "bool"))
    return tuple(elementwise.cast(places[:, i], "int32") for i in range(places.shape[1] or 0))


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    return index.one_hot(x, num_classes, axis=axis, dtype=dtype or settings.floatx)


def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """1 for each class that is among those along the last axis."""
    return reduce.reduce_max(one_hot(inputs, num_classes, dtype=dtype), axis=-2)


def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    count = int(np.max(np.asarray(segment_ids))) + 1 if num_segments is None else num_segments
    return segment.unsorted_segment_sum(data, segment_ids, count)


def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    count = int(np.max(np.asarray(segment_ids))) + 1 if num_segments is None else num_segments
    return segment.unsorted_segment_max(data, segment_ids, count)


# numbers


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    return elementwise.clip_by_value(x, x_min, x_max)


def log2(x: Any) -> Tensor:
    return elementary.log(x) / float(np.log(2.0))


def log10(x: Any) -> Tensor:
    return elementary.log(x) / float(np.log(10.0))


def logaddexp(x1: Any, x2: Any) -> Tensor:
    most = elementwise.maximum(x1, x2)
    return most + elementary.log1p(elementary.exp(-elementwise.abs_(elementwise.subtract(x1, x2))))


def dot(x1: Any, x2: Any) -> Tensor:
    """The last axis of x1 against the last but one of x2 (or its only one)."""
    a, b = tensors.convert_to_tensor(x1), tensors.convert_to_tensor(x2)
    return a * b if not (a.ndim and b.ndim) else linalg.tensordot(a, b, [[a.ndim - 1], [max(b.ndim - 2, 0)]])


def outer(x1: Any, x2: Any) -> Tensor:
    return shapes.expand_dims(ravel(x1), 1) * ravel(x2)


def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    tensor = tensors.convert_to_tensor(a)
    front = (builtin_slice(None),) * normalize_axis(axis, tensor.ndim, "diff")
    for _ in range(n):
        tensor = tensor[(*front, builtin_slice(1, None))] - tensor[(*front, builtin_slice(None, -1))]
    return tensor


def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    if weights is None:
        return reduce.reduce_mean(x, axis)
    return reduce.reduce_sum(elementwise.multiply(x, weights), axis) / reduce.reduce_sum(
        shapes.broadcast_like(tensors.convert_to_tensor(weights), x), axis
    )


def median(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The middle entry in order, or the mean of the two."""
    from tfcli.engine.ops.order import sort

    tensor = ravel(x) if axis is None else tensors.convert_to_tensor(x)
    along = normalize_axis(-1 if axis is None else axis, tensor.ndim, "median")
    size = int(tensor.shape[along])  # type: ignore[arg-type]
    middle = index.gather(sort(tensor, axis=along), np.array([(size - 1) // 2, size // 2]), axis=along)
    return reduce.reduce_mean(middle, along, keepdims=keepdims)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """x divided by its norm along `axis`."""
    from tfcli.engine.ops.decomposition import norm

    return elementwise.divide(x, elementwise.maximum(norm(x, order, axis, keepdims=True), epsilon or 1e-7))


def size(x: Any) -> Any:
    found = Shape(tensors.convert_to_tensor(x).shape).num_elements()
    return arrange.size(x) if found is None else found


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    from tfcli.keras import losses

    return losses.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    from tfcli.keras import losses

    return losses.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Of each entry."""
    from tfcli.engine.ops.nn import sigmoid_cross_entropy_with_logits

    y, x = tensors.convert_to_tensor(target), tensors.convert_to_tensor(output)
    if from_logits:
        return sigmoid_cross_entropy_with_logits(labels=y, logits=x)
    x = elementwise.clip_by_value(x, 1e-7, 1.0 - 1e-7)
    return -(y * elementary.log(x) + (1.0 - y) * elementary.log(1.0 - x))


# control flow


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    return branch.cond(pred, true_fn, false_fn)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """The branch of this number, called with the operands; numbers beyond are those of the first or last."""
    place = elementwise.clip_by_value(index, 0, len(branches) - 1)
    return branch.switch_case(place, [lambda f=f: f(*operands) for f in branches])


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    return loops.while_loop(cond, body, loop_vars, maximum_iterations=maximum_iterations)


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for i from `lower` on, below `upper`."""
    start = tensors.convert_to_tensor(lower)
    return loops.while_loop(lambda i, v: i < upper, lambda i, v: (i + 1, body_fun(i, v)), (start, init_val))[1]


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` along the first axis of xs: the last carry and all y, stacked."""
    given = index.range_(length) if xs is None else tensors.convert_to_tensor(xs)
    first = f(init, given[0])[1]
    carries, ys = loops.scan(lambda state, x: f(state[0], x), given, (init, shapes.zeros_like(first)), reverse=reverse)
    last = carries[0] if reverse else carries[-1]
    return last, ys
