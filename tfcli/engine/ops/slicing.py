"""Parts of a tensor by index: x[key] with integers, slices, '...' and None, and reverse."""

import operator as operator_module
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.static import is_unknown
from tfcli.engine.op import Op
from tfcli.engine.spec import Shape, TensorSpec, normalize_axes, show_shape
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor, operator
from tfcli.errors import DtypeError, ShapeError


class Slice(Op):
    """x[key] for a key of integers, slices, None (new axis) and Ellipsis, as (start, stop, step) triples to be
    hashable."""

    key: tuple[Any, ...]

    def infer(self, x):
        def wrong(why: str) -> ShapeError:
            return ShapeError(
                f"the index {_show_key(self.key)} does not fit a tensor of shape {show_shape(x.shape)}: {why}"
            )

        named = sum(k is not None and k is not Ellipsis for k in self.key)
        if named > x.rank:
            raise wrong(f"it names {named} axes, there are {x.rank}")
        if self.key.count(Ellipsis) > 1:
            raise wrong("it has more than one '...'")
        rest = ((None, None, None),) * (x.rank - named)
        place = self.key.index(Ellipsis) if Ellipsis in self.key else len(self.key)
        sizes: list[int | None] = []
        axis = 0
        for part in (*self.key[:place], *rest, *self.key[place + 1 :]):
            if part is None:
                sizes.append(1)
                continue
            size = x.shape[axis]
            if isinstance(part, tuple):
                if part[2] == 0:
                    raise wrong("a step cannot be 0")
                sizes.append(None if size is None else len(range(*slice(*part).indices(size))))
            elif size is not None and not -size <= part < size:
                raise wrong(f"axis {axis} has no entry {part}")
            axis += 1
        return TensorSpec(Shape(sizes), x.dtype)

    def forward(self, x):
        return x[_index(self.key)]

    def vjp_x(self, g, y, x):
        return SliceGrad(self.key)(g, x)


class SliceGrad(Op):
    """Zeros in the shape of `like`, with g at `key`."""

    key: tuple[Any, ...]
    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        result = np.zeros(like.shape, g.dtype)
        result[_index(self.key)] = g
        return result

    def vjp_g(self, g, y, x, like):
        return Slice(self.key)(g)


def _index(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(*k) if isinstance(k, tuple) else k for k in key)


def _show_key(key: tuple[Any, ...]) -> str:
    words = []
    for k in _index(key):
        if isinstance(k, slice):
            words.append(
                ":".join(
                    "" if p is None else str(p) for p in ([k.start, k.stop, k.step] if k.step else [k.start, k.stop])
                )
            )
        else:
            words.append("..." if k is Ellipsis else str(k))
    return f"[{', '.join(words)}]"


@operator("getitem")
def getitem(x: Any, key: Any) -> Tensor:
    """x[key] with integers, slices, `...`, None; a bool mask or an integer tensor picks along the first axis."""
    tensor = convert_to_tensor(x)
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) == 1 and _picks(parts[0]):
        from tfcli.engine.ops.index import pick

        return pick(tensor, parts[0])
    if any(is_unknown(leaf) for part in parts for leaf in _numbers(part)):
        from tfcli.engine.ops.dynamic import slice_at

        return slice_at(tensor, parts)
    return Slice(tuple(hashable(p) for p in parts))(tensor)


def _numbers(part: Any) -> tuple[Any, ...]:
    return (part.start, part.stop, part.step) if isinstance(part, slice) else (part,)


def _picks(part: Any) -> bool:
    """Whether a key is a mask or an array of integers, or one integer that only the running graph will know."""
    return isinstance(part, Symbol) or (isinstance(part, Tensor | Variable | np.ndarray | list) and np.ndim(part) > 0)


def hashable(part: Any) -> Any:
    """A part of a key as a slice op keeps it. Raises ShapeError, DtypeError."""
    if isinstance(part, slice):
        return tuple(None if p is None else hashable(p) for p in (part.start, part.stop, part.step))
    if part is None or part is Ellipsis:
        return part
    if np.ndim(part):
        raise ShapeError("a tensor is indexed by one array alone; tf.gather, tf.gather_nd and tf.boolean_mask do more")
    try:
        return operator_module.index(part)
    except TypeError as error:
        raise DtypeError(f"a tensor is indexed by integers, slices, '...' and None, not by {part!r}") from error


def reverse(x: Any, axis: Sequence[int]) -> Tensor:
    """x with the order along these axes turned round."""
    tensor = convert_to_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "reverse")
    return tensor[tuple(slice(None, None, -1 if i in axes else None) for i in range(tensor.ndim))]
