"""What is known of a symbol while its graph is being traced: what follows from known sizes and constants alone."""

import numpy as np

from tfcli.engine.graph.ir import Constant
from tfcli.engine.tensor import Symbol, Tensor


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
