"""Sums of rows that belong to one place: how a sparse gradient is made ready for an optimizer."""

from typing import Any

import numpy as np

from tfcli.engine.indexed_slices import IndexedSlices
from tfcli.engine.op import Op
from tfcli.engine.ops.index import add_rows, gather
from tfcli.engine.spec import Shape, TensorSpec, int32
from tfcli.engine.tensor import Tensor


class DistinctRows(Op):
    """indices (n,) -> those that occur, in order, and for each index its place among them, int32."""

    vjp_indices = None

    def infer(self, indices):
        return TensorSpec(Shape((None,)), indices.dtype), TensorSpec(indices.shape, int32)

    def forward(self, indices):
        rows, places = np.unique(indices, return_inverse=True)
        return rows, places.reshape(indices.shape).astype(np.int32)


class SumAtPlaces(Op):
    """values (n, …) added up at places (n,): a row for each of `rows`, which lends its length alone."""

    vjp_places = vjp_rows = None

    def infer(self, values, places, rows):
        return TensorSpec(Shape((rows.shape[0], *values.shape[1:])), values.dtype)

    def forward(self, values, places, rows):
        width = int(np.prod(values.shape[1:]))
        return add_rows(len(rows), places, values.reshape(len(values), width)).reshape(len(rows), *values.shape[1:])

    def vjp_values(self, g, y, values, places, rows):
        return gather(g, places)


def summed_rows(slices: IndexedSlices) -> tuple[Tensor, Tensor]:
    """The rows that occur, each once, and the sums of their values."""
    found: Any = DistinctRows()(slices.indices)
    rows, places = found
    return rows, SumAtPlaces()(slices.values, places, rows)
