"""Passes: rewriting a graph into one that computes the same in less time.

A pass takes a graph that is its own to change and the fetches, and returns the fetches. It may look at nothing but the
graph, so that the same graph always becomes the same program, and results stay equal to rounding, NaN included.
"""

from collections.abc import Callable, Sequence

from tfcli.engine.graph.ir import Graph, verify
from tfcli.engine.graph.passes.fold import fold_constants
from tfcli.engine.graph.passes.fuse import fuse_elementwise
from tfcli.engine.graph.passes.merge import merge_common
from tfcli.engine.graph.passes.prune import prune_dead
from tfcli.engine.graph.passes.rounding import round_operands
from tfcli.engine.graph.passes.simplify import simplify
from tfcli.engine.graph.passes.sweep import copy_of
from tfcli.engine.graph.passes.transposes import fold_transposes
from tfcli.engine.tensor import Tensor

Pass = Callable[[Graph, list[Tensor]], list[Tensor]]

DEFAULT: tuple[Pass, ...] = (
    prune_dead,
    round_operands,
    merge_common,
    simplify,
    fold_constants,
    fold_transposes,
    merge_common,
    prune_dead,
    fuse_elementwise,
)


def optimize(graph: Graph, fetches: Sequence[Tensor], passes: Sequence[Pass] = DEFAULT) -> tuple[Graph, list[Tensor]]:
    """A new graph, with the same inputs, for the same fetches and effects; `graph` stays as it is."""
    result, wanted = copy_of(graph, fetches)
    for apply_pass in passes:
        wanted = apply_pass(result, wanted)
    if __debug__:
        verify(result, wanted)
    return result, wanted
