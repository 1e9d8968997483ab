"""IndexedSlices: the gradient of a table of which a few rows were looked up, kept as these rows."""

from typing import Any

import numpy as np

from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tensor import Symbol, Tensor, Value, convert_to_tensor


class IndexedSlices(Value):
    """values[i] added at the row indices[i] of a tensor of zeros of the shape `dense_shape`, rows along the first axis.

    It stands for that tensor: whatever takes a tensor takes it, and then it is made (`value()`).
    """

    __slots__ = ("_like", "indices", "spec", "values")

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values, self.indices = convert_to_tensor(values), convert_to_tensor(indices)
        sizes = Shape((None, *self.values.shape[1:]))
        if dense_shape is not None:
            from tfcli.engine.graph.static import sizes_of

            sizes = sizes_of(dense_shape)[0]
        self.spec = TensorSpec(sizes, self.values.dtype)
        self._like: Tensor | None = None

    @classmethod
    def of_rows(cls, values: Tensor, indices: Tensor, params: Tensor) -> "IndexedSlices":
        """The gradient of rows of `params`, whose sizes after the first are known, at indices of any shape."""
        from tfcli.engine.ops.shape import reshape

        if indices.ndim != 1:
            indices, values = reshape(indices, [-1]), reshape(values, [-1, *params.shape[1:]])
        slices = cls(values, indices, params.shape)
        # Holding the table itself would keep an optimizer from writing its rows in place.
        known = params.shape.is_fully_defined() and not isinstance(params, Symbol)
        slices._like = _hollow(params) if known else params
        return slices

    @property
    def dense_shape(self) -> Tensor:
        """The sizes of the tensor that this stands for."""
        from tfcli.engine.ops.shape import shape

        if self.spec.shape.is_fully_defined():
            return convert_to_tensor(np.asarray(self.spec.shape, np.int32))
        return shape(self.value())

    def value(self) -> Tensor:  # type: ignore[override]
        """The whole tensor. Raises ShapeError where its first size is not known."""
        from tfcli.engine.ops.index import GatherGrad, scatter_nd
        from tfcli.engine.ops.shape import expand_dims

        if self._like is None:
            return scatter_nd(expand_dims(self.indices, -1), self.values, self.spec.shape)  # type: ignore[arg-type]
        return GatherGrad(0, 0)(self.values, self._like, self.indices)

    @property
    def array(self) -> np.ndarray:  # type: ignore[override]
        return self.value().array

    def __repr__(self) -> str:
        return f"IndexedSlices(values={self.values!r}, indices={self.indices!r}, dense_shape={self.spec.shape})"


def _hollow(params: Tensor) -> Tensor:
    """A tensor that lends its shape, and takes no memory."""
    return Tensor(np.broadcast_to(np.zeros((), params.dtype.numpy), params.shape))  # type: ignore[arg-type]


def joined(first: Any, second: Any) -> Any:
    """The sum of two gradients of one tensor: rows as long as both are."""
    if not (isinstance(first, IndexedSlices) and isinstance(second, IndexedSlices)):
        return first + second
    from tfcli.engine.ops.join import concat

    total = IndexedSlices(concat([first.values, second.values], 0), concat([first.indices, second.indices], 0))
    total.spec, total._like = first.spec, first._like
    return total


def dense(gradient: Any) -> Any:
    """A gradient as a tensor; None stays None."""
    return gradient.value() if isinstance(gradient, IndexedSlices) else gradient
