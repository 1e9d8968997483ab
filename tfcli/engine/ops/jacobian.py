"""Jacobians: a backward sweep for each entry of the target, traced once and run as a loop."""

from collections.abc import Callable, Sequence
from typing import Any

from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.control import scan
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.index import range_
from tfcli.engine.ops.shape import reshape, reshape_like, shape, transpose, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError

Sweep = Callable[[Tensor], list[Tensor | None]]
"""From a gradient of the target to those of the sources."""


class UnfoldRows(Op):
    """rows (n, ...), first (...), last (...) -> rows in the shape first.shape + last.shape; these two lend their
    shapes alone.
    """

    vjp_first = vjp_last = None

    def infer(self, rows, first, last):
        return TensorSpec(Shape((*first.shape, *last.shape)), rows.dtype)

    def forward(self, rows, first, last):
        return rows.reshape(first.shape + last.shape)

    def vjp_rows(self, g, y, rows, first, last):
        return reshape_like(g, rows)


unfold_rows = UnfoldRows()


def jacobian(sweep: Sweep, target: Tensor, sources: Sequence[Any], unconnected: str) -> list[Tensor | None]:
    """For each source (target.shape + source.shape), or None."""
    rows = _rows(sweep, target, sources, unconnected)
    return [None if r is None else unfold_rows(r, target, s) for r, s in zip(rows, sources, strict=True)]


def batch_jacobian(sweep: Sweep, target: Tensor, sources: Sequence[Any], unconnected: str) -> list[Tensor | None]:
    """For the one source (B, target.shape[1:] + source.shape[1:]), or None. Raises ShapeError."""
    source = convert_to_tensor(sources[0])
    alike = (
        target.ndim
        and source.ndim
        and (target.shape[0] == source.shape[0] or None in (target.shape[0], source.shape[0]))
    )
    if not alike:
        raise ShapeError(
            f"batch_jacobian: target {show_shape(target.shape)} and source {show_shape(source.shape)} must have "
            "the same first size"
        )
    whole = zeros_like(target)
    rows = _rows(lambda seed: sweep(whole + seed), target[0], [source], unconnected)[0]  # (n, B, …)
    if rows is None:
        return [None]
    return [unfold_rows(transpose(rows, [1, 0, *range(2, rows.ndim)]), target, source[0])]


def _rows(sweep: Sweep, target: Tensor, sources: Sequence[Any], unconnected: str) -> list[Tensor | None]:
    """For each source its gradients of the entries of target, one after the other: (n, …), or None."""
    places = range_(shape(reshape(target, [-1]))[0])
    connected: list[bool] = []

    def step(carries: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        one_hot = cast(equal(places, slices[0]), target.dtype)
        found = sweep(reshape_like(one_hot, target))
        if unconnected == "zero":
            found = [zeros_like(s) if g is None else g for g, s in zip(found, sources, strict=True)]
        connected[:] = [g is not None for g in found]
        return [], [g for g in found if g is not None]

    rows = iter(scan(step, [], [places])[1])
    return [next(rows) if known else None for known in connected]
