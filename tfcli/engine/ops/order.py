"""Order: the k largest, sorting, and where values stand in a sorted sequence."""

from typing import Any, NamedTuple

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.index import Gather, GatherGrad
from tfcli.engine.ops.kinds import promote
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import expand_dims, transpose
from tfcli.engine.spec import Shape, TensorSpec, int32, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class TopK(Op):
    """The k largest entries along the last axis, falling, and their int32 indices; equal ones keep their order."""

    k: int

    def infer(self, x):
        size = x.shape[-1] if x.rank else 0
        if size is not None and self.k > size:
            raise ShapeError(f"top_k: k={self.k} of a last axis of size {size} in {show_shape(x.shape)}")
        shape = Shape((*x.shape[:-1], self.k))
        return TensorSpec(shape, x.dtype), TensorSpec(shape, int32)

    def forward(self, x):
        order = _falling(x)[..., : self.k]
        return np.take_along_axis(x, order, axis=-1), order.astype(np.int32)

    def vjp(self, gs, ys, x):
        g, indices = gs[0], ys[1]
        return (None if g is None else GatherGrad(x.ndim - 1, x.ndim - 1)(g, x, indices),)


class Argsort(Op):
    """The int32 indices that sort the last axis; equal entries keep their order."""

    descending: bool
    vjp_x = None

    def infer(self, x):
        return TensorSpec(x.shape, int32)

    def forward(self, x):
        return (_falling(x) if self.descending else np.argsort(x, axis=-1, kind="stable")).astype(np.int32)


def _falling(x: np.ndarray) -> np.ndarray:
    """The order from large to small, equal entries in their order (negating x would overflow for integers)."""
    last = x.shape[-1] - 1
    return last - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]


class TopKV2(NamedTuple):
    values: Tensor
    indices: Tensor


def top_k(input: Any, k: int = 1) -> TopKV2:
    """The k largest entries along the last axis, largest first, and their indices. Raises ShapeError."""
    return TopKV2(*TopK(int(k))(input))


def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether the prediction (batch, classes) for each target (batch,) is among the k largest; ties count."""
    scores, labels = convert_to_tensor(predictions), convert_to_tensor(targets)
    own = Gather(1, 1)(scores, expand_dims(labels, 1))
    return reduce_sum(cast(scores > own, int32), axis=1) < k


def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING") -> Tensor:
    """The int32 indices that sort `values` along `axis`; equal entries keep their order. Raises TfcliError."""
    tensor = convert_to_tensor(values)
    perm = _last(normalize_axis(axis, tensor.ndim, "argsort"), tensor.ndim)
    return transpose(Argsort(_is_descending(direction))(transpose(tensor, perm)), perm)


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING") -> Tensor:
    """`values` sorted along `axis`. Raises TfcliError."""
    tensor = convert_to_tensor(values)
    perm = _last(normalize_axis(axis, tensor.ndim, "sort"), tensor.ndim)
    rows = transpose(tensor, perm)
    last = tensor.ndim - 1
    return transpose(Gather(last, last)(rows, Argsort(_is_descending(direction))(rows)), perm)


def _last(axis: int, rank: int) -> list[int]:
    """The order of axes with `axis` and the last one exchanged; twice, and all is as before."""
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return perm


def _is_descending(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise TfcliError(f"sort: direction must be 'ASCENDING' or 'DESCENDING', got {direction!r}")
    return direction == "DESCENDING"


class Searchsorted(Op):
    """For each value (..., M) the int32 place in its sorted sequence (..., N) where it would be put in."""

    side: str
    vjp_sequence = vjp_values = None

    def infer(self, sequence, values):
        if sequence.dtype != values.dtype:
            raise DtypeError(f"searchsorted: the sequence is {sequence}, the values {values}; tf.cast converts")
        front, other = sequence.shape[:-1], values.shape[:-1]
        if not sequence.rank == values.rank > 0 or any(
            a != b and None not in (a, b) for a, b in zip(front, other, strict=True)
        ):
            raise ShapeError(
                f"searchsorted: {show_shape(sequence.shape)} and {show_shape(values.shape)} differ before the last axis"
            )
        return TensorSpec(values.shape, int32)

    def forward(self, sequence, values):
        rows = zip(sequence.reshape(-1, sequence.shape[-1]), values.reshape(-1, values.shape[-1]), strict=True)
        found = [np.searchsorted(row, wanted, self.side) for row, wanted in rows]
        return np.asarray(found, np.int32).reshape(values.shape)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Where each value would be put into the sorted sequence: before equal entries, or after with side="right"."""
    if side not in ("left", "right"):
        raise TfcliError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    return Searchsorted(side)(*promote(sorted_sequence, values, "searchsorted"))
