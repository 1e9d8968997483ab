"""Changing parts of a variable: TensorFlow's scatter methods. Mixed into Variable."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfcli.engine.tensor import Tensor


class Updates:
    """Of repeated places, additions and the like all count; of updates the last stands. They give the new value."""

    __slots__ = ()
    value: "Callable[[], Tensor]"
    assign: "Callable[[Any], Tensor]"

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.index import tensor_scatter_nd_update as scatter

        return self._scattered(scatter, indices, updates)

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.index import tensor_scatter_nd_add as scatter

        return self._scattered(scatter, indices, updates)

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.arrange import tensor_scatter_nd_sub as scatter

        return self._scattered(scatter, indices, updates)

    def scatter_nd_max(self, indices: Any, updates: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.arrange import tensor_scatter_nd_max as scatter

        return self._scattered(scatter, indices, updates)

    def scatter_nd_min(self, indices: Any, updates: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.arrange import tensor_scatter_nd_min as scatter

        return self._scattered(scatter, indices, updates)

    def scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> "Tensor":
        """Rows replaced by those of tf.IndexedSlices, as in the methods that follow."""
        return self.scatter_nd_update(_places(sparse_delta), sparse_delta.values)

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> "Tensor":
        return self.scatter_nd_add(_places(sparse_delta), sparse_delta.values)

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> "Tensor":
        return self.scatter_nd_sub(_places(sparse_delta), sparse_delta.values)

    def scatter_max(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> "Tensor":
        return self.scatter_nd_max(_places(sparse_delta), sparse_delta.values)

    def scatter_min(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> "Tensor":
        return self.scatter_nd_min(_places(sparse_delta), sparse_delta.values)

    def sparse_read(self, indices: Any, name: str | None = None) -> "Tensor":
        """The rows at these places."""
        from tfcli.engine.ops.index import gather

        return gather(self, indices)

    def gather_nd(self, indices: Any, name: str | None = None) -> "Tensor":
        from tfcli.engine.ops.index import gather_nd

        return gather_nd(self, indices)

    def _scattered(self, scatter: Callable[..., "Tensor"], indices: Any, updates: Any) -> "Tensor":
        from tfcli.engine.tensor import convert_to_tensor

        value = self.value()
        return self.assign(scatter(value, indices, convert_to_tensor(updates, value.dtype)))


def _places(slices: Any) -> "Tensor":
    from tfcli.engine.ops.shape import expand_dims

    return expand_dims(slices.indices, -1)
