"""Recomputation: a backward pass computes again what it would have to read."""

import numpy as np
from graph_tracing import graph_of

from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.passes import optimize
from tfcli.engine.graph.passes.fuse import fuse_elementwise
from tfcli.engine.graph.passes.merge import merge_common
from tfcli.engine.graph.passes.prune import prune_dead
from tfcli.engine.graph.passes.recompute import recompute
from tfcli.engine.ops import elementary, kinds
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_sum


def fuse_all(graph, fetches):
    return fuse_elementwise(
        graph, fetches, fusible=lambda op, inputs, output: isinstance(op, kinds.Unary | kinds.Binary)
    )


def both_ways(function, *shapes):
    """The graph without and with the pass, after asserting that they give the same numbers."""
    graph, fetches = graph_of(function, *shapes)
    without = optimize(graph, fetches, (merge_common, prune_dead, fuse_all))
    with_it = optimize(graph, fetches, (merge_common, prune_dead, fuse_all, recompute))
    arrays = [np.random.default_rng(i).standard_normal(shape).astype("f4") for i, shape in enumerate(shapes)]
    for a, b in zip(Plan(*without).run(arrays), Plan(*with_it).run(arrays), strict=True):
        np.testing.assert_array_equal(a, b)
    return without[0], with_it[0]


def written(graph):
    """Arrays that fused ops write."""
    return sum(len(node.outputs) for node in graph.nodes if isinstance(node.op, Fused))


def activation_and_gradient(x, weight, g):
    inner = elementary.tanh(x * 0.8 + e.square(x) * x * 0.1)
    half = x * 0.5
    forward = matmul(half * (inner + 1.0), weight)
    return forward, half * (1.0 - e.square(inner)) * (g + reduce_sum(forward)) + (inner + 1.0)


def test_what_follows_from_one_array_is_computed_again():
    before, after = both_ways(activation_and_gradient, (4, 3), (3, 3), (4, 3))
    assert written(before) == 5
    assert written(after) == 2


def test_what_would_need_more_arrays_is_read():
    def function(a, b, c, weight):
        total = elementary.tanh(a + b + c)
        forward = matmul(e.square(total), weight)
        return forward, elementary.sin(total) * reduce_sum(forward)

    before, after = both_ways(function, (4, 3), (4, 3), (4, 3), (3, 3))
    assert written(before) == written(after)


def test_what_is_fetched_is_written():
    def function(x, weight):
        inner = elementary.tanh(x * 0.8)
        forward = matmul(inner * x, weight)
        return inner, elementary.sin(inner) * x * reduce_sum(forward)

    _, after = both_ways(function, (4, 3), (3, 3))
    assert written(after) == 3
