"""Batch normalization taken apart into sums and entry-by-entry ops: the same numbers, fewer arrays."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from graph_tracing import graph_of

from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.moments import Moments, NormalizedSums
from tfcli.engine.graph.passes import DEFAULT, optimize
from tfcli.engine.graph.passes.split_normalization import split_normalization
from tfcli.engine.kernels.plan import NATIVE_PASSES, NativePlan
from tfcli.engine.ops.elementwise import relu
from tfcli.engine.ops.nn import Normalize, NormalizeGrad, normalize
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tape import GradientTape

ROWS, CHANNELS = (6, 5, 3), 17
X, G = (*ROWS, CHANNELS), (CHANNELS,)


def gradients(loss, *sources):
    """A function that gives the loss of its arguments and its gradients in them."""

    def both(*values):
        with GradientTape(persistent=False) as tape:
            for value in values:
                tape.watch(value)
            found = loss(*values)
        return [found, *tape.gradient(found, list(values))]

    return both


def batch_norm(x):
    return normalize(x, (0, 1, 2))[0]


def ops_after(passes, function, *shapes):
    """The ops that are left, after asserting that numpy and the kernels find the same numbers as without the pass."""
    graph, fetches = graph_of(function, *shapes)
    rng = np.random.default_rng(0)
    arrays = [(rng.standard_normal(shape) * 2 + 1).astype(np.float32) for shape in shapes]
    expected = Plan(*optimize(graph, fetches, DEFAULT[:-1])).run(arrays)
    split, wanted = optimize(graph, fetches, passes)
    for plan in (Plan(split, wanted), NativePlan(*optimize(graph, fetches, NATIVE_PASSES))):
        for got, want in zip(plan.run(arrays), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * np.abs(want).max())
    return [type(node.op) for node in split.nodes]


def split(function, *shapes):
    return ops_after((*DEFAULT[:-1], split_normalization), function, *shapes)


def test_the_whole_layer_needs_two_sums_each_way():
    def loss(x, gamma, beta, weights):
        return reduce_sum(weights * relu(batch_norm(x) * gamma + beta))

    ops = split(gradients(loss), X, G, G, X)
    assert (ops.count(Moments), ops.count(NormalizedSums)) == (1, 1)
    assert not {Normalize, NormalizeGrad} & set(ops)


def test_without_a_scale():
    ops = split(gradients(lambda x, w: reduce_sum(w * batch_norm(x))), X, X)
    assert (ops.count(Moments), ops.count(NormalizedSums)) == (1, 1)


def test_a_scale_before_and_one_of_another_shape():
    split(gradients(lambda x, s, w: reduce_sum(w * (s * batch_norm(s * x)))), X, (5, 1, CHANNELS), X)


def test_one_normalization_after_another():
    ops = split(gradients(lambda x, w: reduce_sum(w * batch_norm(batch_norm(x)))), X, X)
    assert (ops.count(Moments), ops.count(NormalizedSums)) == (2, 2)


def test_two_that_share_a_gradient():
    def loss(x, y, gamma, beta, w):
        return reduce_sum(w * relu(batch_norm(x) * gamma + beta + batch_norm(y) * beta))

    ops = split(gradients(loss), X, X, G, G, X)
    assert (ops.count(Moments), ops.count(NormalizedSums)) == (2, 2)


def test_mean_and_variance_stay_for_others():
    def loss(x, w):
        y, mean, variance = normalize(x, (0, 1, 2))
        return reduce_sum(w * y) + reduce_sum(mean * variance)

    split(gradients(loss), X, X)


@pytest.mark.parametrize("axes", [(3,), (1, 2), (0,), (0, 2, 3)])
def test_other_axes_stay_as_they_are(axes):
    ops = split(gradients(lambda x, w: reduce_sum(w * normalize(x, axes)[0])), X, X)
    assert Moments not in ops
    assert NormalizeGrad in ops
