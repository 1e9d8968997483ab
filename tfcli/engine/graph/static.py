"""What is known of a symbol while its graph is being traced: what follows from known sizes and constants alone."""

from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Constant
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError


def static_value(tensor: Tensor) -> np.ndarray | None:
    """The value of an integer or a vector of integers that follows from known shapes, or None."""
    if not isinstance(tensor, Symbol):
        return tensor.array
    op = tensor.node.op
    if isinstance(op, Constant):
        return op.value
    if not tensor.dtype.is_integer or tensor.ndim > 1 or op.stateful or len(tensor.node.outputs) > 1:
        return None
    if op.name == "shape_of":
        sizes = tensor.node.inputs[0].shape
        return np.asarray(sizes, np.int32) if sizes.is_fully_defined() else None
    values = [static_value(source) for source in tensor.node.inputs]
    return None if any(v is None for v in values) else np.asarray(op.forward(*values))  # type: ignore[attr-defined]


def is_unknown(value: Any) -> bool:
    """Whether a number is one that only the running graph will know."""
    return isinstance(value, Symbol) and static_value(value) is None


def sizes_of(shape: Any) -> tuple[Shape, Tensor | None]:
    """What is known of sizes given as a number, a vector, or a list of numbers and tensors; and the vector itself,
    where something of it is only known when the graph runs. Raises ShapeError, DtypeError.
    """
    if isinstance(shape, Variable):
        shape = shape.value()
    if isinstance(shape, Symbol):
        return _of_symbol(shape)
    if isinstance(shape, int | np.integer) or (isinstance(shape, Tensor) and not shape.ndim):
        shape = [shape]
    entries = [
        s.value() if isinstance(s, Variable) else s for s in (shape.array if isinstance(shape, Tensor) else shape)
    ]
    if not any(is_unknown(entry) for entry in entries):
        return Shape(_size(entry) for entry in entries), None
    if any(entry is None for entry in entries):
        raise ShapeError("a shape is made of numbers and tensors; for a size that follows from the others write -1")
    known = [None if is_unknown(entry) else _size(entry) for entry in entries]
    return Shape(known), convert_to_tensor([_scalar(entry) for entry in entries])


def _scalar(entry: Any) -> Tensor:
    if isinstance(entry, Symbol):
        from tfcli.engine.ops.elementwise import cast

        return cast(entry, "int32")
    return convert_to_tensor(np.int32(entry))


def _size(entry: Any) -> int | None:
    if entry is None:
        return None
    try:
        return int(entry.__index__()) if hasattr(entry, "__index__") else int(np.asarray(entry).__index__())
    except TypeError as error:
        raise DtypeError(f"a size is an integer, got {entry!r}") from error


def _of_symbol(shape: Symbol) -> tuple[Shape, Tensor | None]:
    known = static_value(shape)
    if known is not None:
        return Shape(int(d) for d in np.atleast_1d(known)), None
    if shape.ndim > 1 or None in shape.shape:
        raise ShapeError("a shape is a vector whose length is known while the function is traced")
    from tfcli.engine.ops.shape import reshape

    return Shape(_entries(shape)), shape if shape.ndim else reshape(shape, [1])


def _entries(vector: Tensor) -> list[int | None]:
    """As much as is known of a vector's entries (or of one number)."""
    known = static_value(vector)
    if known is not None:
        return [int(v) for v in np.atleast_1d(known)]
    node = vector.node  # type: ignore[attr-defined]
    match node.op.name:
        case "shape_of":
            return list(node.inputs[0].shape)
        case "concat" | "expand_dims" | "cast":
            return [entry for part in node.inputs for entry in _entries(part)]
        case "slice" if node.inputs[0].ndim == 1 and len(node.op.key) == 1 and isinstance(node.op.key[0], tuple):
            return _entries(node.inputs[0])[slice(*node.op.key[0])]
    count = (vector.shape[0] or 0) if vector.ndim else 1
    return [None for _ in range(count)]
