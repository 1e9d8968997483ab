"""tf.TensorArray: tensors by number, written one at a time; within `tf.while_loop` one of its loop variables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.static import is_unknown, static_value
from tfcli.engine.op import Op
from tfcli.engine.ops.elementwise import maximum
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.join import concat, stack, unstack
from tfcli.engine.ops.shape import reshape, shape, zeros
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError


class WriteElement(Op):
    """elements (n, …) with `value` in the place of elements[index]; `grows`: there are more of them where it needs."""

    grows: bool
    vjp_index = None

    def infer(self, elements, index, value):
        if value.shape != elements.shape[1:] and None not in (*value.shape, *elements.shape[1:]):
            raise ShapeError(
                f"TensorArray: an element of shape {show_shape(value.shape)}, where others are "
                f"{show_shape(elements.shape[1:])}"
            )
        return TensorSpec(Shape((None if self.grows else elements.shape[0], *elements.shape[1:])), elements.dtype)

    def forward(self, elements, index, value):
        count = len(elements)
        if not 0 <= index < count and not (self.grows and index >= 0):
            raise TfcliError(f"TensorArray: tried to write to index {index} of {count} elements")
        result = np.zeros((max(count, int(index) + 1), *elements.shape[1:]), elements.dtype)
        result[:count] = elements
        result[index] = value
        return result

    def vjp_elements(self, g, y, elements, index, value):
        kept = WriteElement(False)(g, index, g[index] * 0.0)
        return kept[: shape(elements)[0]] if self.grows else kept

    def vjp_value(self, g, y, elements, index, value):
        return g[index]


class TensorArray:
    """Tensors of one dtype and shape by number. `write` gives the array to go on with.

    Of a `dynamic_size` it grows where it is written beyond its end. Whatever `clear_after_read` says, what was read can
    be read again. Raises TfcliError for places that are not there, ShapeError.
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        name: str | None = None,
    ) -> None:
        self.dtype, self.dynamic_size = as_dtype(dtype), bool(dynamic_size)
        self.element_shape = None if element_shape is None else Shape(element_shape)
        self._size: Any = 0 if size is None else size.value() if isinstance(size, Variable) else size
        self._items: list[Tensor | None] | None = None
        self.elements: Tensor | None = None
        """All in one tensor, where places or their number are only known when a graph runs."""
        if not is_unknown(self._size):
            self._items = [None] * int(self._size)

    def size(self) -> Tensor:
        """How many elements there are."""
        if self._items is not None:
            return convert_to_tensor(np.int32(len(self._items)))
        return convert_to_tensor(self._size) if self.elements is None else shape(self.elements)[0]

    def write(self, index: Any, value: Any) -> "TensorArray":
        """The array with `value` in place `index`."""
        element = convert_to_tensor(value, self.dtype)
        if self._items is None or is_unknown(index):
            whole = self.allocated(element.shape)
            return self.of(WriteElement(self.dynamic_size)(whole, convert_to_tensor(index), element))
        place = int(static_value(index)) if isinstance(index, Tensor) else int(index)  # type: ignore[arg-type]
        if self.dynamic_size:
            self._items += [None] * (place + 1 - len(self._items))
        if not 0 <= place < len(self._items):
            raise TfcliError(f"TensorArray: tried to write to index {place} of {len(self._items)} elements")
        self._items[place] = element
        self.element_shape = element.shape
        return self

    def read(self, index: Any) -> Tensor:
        """The element in place `index`."""
        if self._items is None or is_unknown(index):
            return self._whole()[convert_to_tensor(index)]
        place = int(static_value(index)) if isinstance(index, Tensor) else int(index)  # type: ignore[arg-type]
        if not 0 <= place < len(self._items):
            raise TfcliError(f"TensorArray: tried to read index {place} of {len(self._items)} elements")
        return self._item(place)

    def stack(self) -> Tensor:
        """All elements along a new first axis; those never written are zeros."""
        return self._whole()

    def gather(self, indices: Any) -> Tensor:
        return gather(self._whole(), indices)

    def concat(self) -> Tensor:
        """The elements one after the other along their first axis."""
        if self._items is not None:
            return concat([self._item(i) for i in range(len(self._items))], 0)
        whole = self._whole()
        sizes: Any = concat([[-1], shape(whole)[2:]], 0)
        return reshape(whole, sizes)

    def unstack(self, value: Any) -> "TensorArray":
        """The array of the slices of `value` along its first axis."""
        whole = convert_to_tensor(value, self.dtype)
        if whole.shape[0] is None:
            return self.of(whole)
        filled = TensorArray(self.dtype, whole.shape[0], self.dynamic_size)
        filled._items, filled.element_shape = list(unstack(whole)), Shape(whole.shape[1:])
        return filled

    def split(self, value: Any, lengths: Sequence[int]) -> "TensorArray":
        """The array of the parts of `value`, of these lengths, along its first axis."""
        from tfcli.engine.ops.join import split

        filled = TensorArray(self.dtype, len(lengths), self.dynamic_size)
        filled._items = list(split(convert_to_tensor(value, self.dtype), [int(n) for n in lengths]))
        return filled

    def copy(self) -> "TensorArray":
        """Another array of the same elements."""
        made = TensorArray(self.dtype, self._size, self.dynamic_size, element_shape=self.element_shape)
        made._items = None if self._items is None else list(self._items)
        made.elements = self.elements
        return made

    def identity(self) -> "TensorArray":
        return self

    def close(self) -> None:
        """Let go of the elements."""
        self._items, self.elements = [], None

    def allocated(self, element_shape: Any = None) -> Tensor:
        """All elements in one tensor. Raises ShapeError where nobody said yet what shape they have."""
        found = self.element_shape if self.element_shape is not None else element_shape
        if self.elements is not None:
            return self.elements
        if self._items:
            written = [item for item in self._items if item is not None]
            empty = written[0] * 0 if written else None if found is None else zeros(found, self.dtype)
            if empty is not None:
                return stack([empty if item is None else item for item in self._items])
        if found is None or None in found:
            raise ShapeError(
                "TensorArray: the shape of the elements is not known before one is written; give element_shape"
            )
        return zeros([maximum(self.size(), 0), *found], self.dtype)

    def of(self, elements: Tensor) -> "TensorArray":
        """An array like this with these elements."""
        made = TensorArray(self.dtype, dynamic_size=self.dynamic_size, element_shape=elements.shape[1:])
        made._items, made.elements = None, elements
        return made

    def _whole(self) -> Tensor:
        return self.elements if self.elements is not None else self.allocated()

    def _item(self, place: int) -> Tensor:
        assert self._items is not None
        item = self._items[place]
        if item is None and self.element_shape is None:
            raise TfcliError(f"TensorArray: element {place} was not written")
        return zeros(self.element_shape, self.dtype) if item is None else item
