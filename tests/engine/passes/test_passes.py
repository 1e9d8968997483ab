"""Each pass: the graph before and after, and that results stay the same."""

import numpy as np
import pytest

from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.function import function
from tfcli.engine.graph import fused
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import Constant, Graph, Placeholder, verify
from tfcli.engine.graph.passes import optimize
from tfcli.engine.graph.passes.fold import fold_constants
from tfcli.engine.graph.passes.fuse import fuse_elementwise
from tfcli.engine.graph.passes.merge import merge_common
from tfcli.engine.graph.passes.prune import prune_dead
from tfcli.engine.graph.passes.simplify import simplify
from tfcli.engine.graph.passes.transposes import fold_transposes
from tfcli.engine.ops import elementary
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops.linalg import Einsum, Matmul, einsum, matmul
from tfcli.engine.ops.loops import while_loop
from tfcli.engine.ops.random import RandomScope, uniform_like
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import broadcast_to, expand_dims, reshape, squeeze, transpose
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tensor import Variable, constant, convert_to_tensor


class Rewritten:
    """A function traced for arrays, and its graph after some passes and the removal of dead code."""

    def __init__(self, build, arrays, passes, sizes=None):
        self.arrays, before = [np.asarray(a) for a in arrays], Graph("test")
        shapes = sizes or [a.shape for a in self.arrays]
        specs = [TensorSpec(Shape(s), a.dtype) for s, a in zip(shapes, self.arrays, strict=True)]
        with tracing(before), recording([]):
            found = build(*[before.placeholder(s) for s in specs])
        fetches = [convert_to_tensor(f) for f in (found if isinstance(found, tuple) else (found,))]
        self.before = Plan(before, fetches)
        self.graph, self.fetches = optimize(before, fetches, [*passes, prune_dead])
        verify(self.graph, self.fetches)
        self.after = Plan(self.graph, self.fetches)

    @property
    def ops(self):
        return [type(n.op).__name__ for n in self.graph.nodes if not isinstance(n.op, Placeholder | Constant)]

    def check(self):
        for a, b in zip(self.before.run(self.arrays), self.after.run(self.arrays), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def rewritten(*passes):
    def make(build, *arrays, sizes=None):
        found = Rewritten(build, arrays, passes, sizes)
        found.check()
        return found.ops

    return make


X = np.array([[1.5, -0.0, np.nan], [np.inf, -2.0, 0.0]], np.float32)


# constant folding


def test_what_depends_on_constants_alone_is_computed_once():
    assert rewritten(fold_constants)(lambda x: x * (constant(2.0) + constant(3.0)), X) == ["Multiply"]


def test_large_results_are_not_kept():
    assert "BroadcastTo" in rewritten(fold_constants)(lambda x: x[0, 0] + broadcast_to(constant(1.0), [300, 300]), X)


# common subexpressions


def test_equal_nodes_become_one():
    assert rewritten(merge_common)(lambda x: elementary.exp(x) + elementary.exp(x), X) == ["Exp", "Add"]


def test_ops_with_other_settings_stay_apart():
    assert rewritten(merge_common)(lambda x: reduce_sum(x, 0)[0] + reduce_sum(x, 1)[0], X).count("ReduceSum") == 2


def test_draws_stay_apart():
    def draws(x):
        with RandomScope(1, 0):
            return uniform_like(x) - uniform_like(x)

    assert rewritten(merge_common)(draws, X).count("RandomUniform") == 2


def test_reads_merge_between_assignments_only():
    v = Variable(1.0)
    graph = Graph("test")
    with tracing(graph), recording([]):
        first, second = v.value(), v.value()
        v.assign(first + 1.0)
        third = v.value()
        fetches = [first + second, third]
    after, fetches = optimize(graph, fetches, [merge_common])
    assert [type(n.op).__name__ for n in after.nodes].count("ReadVariable") == 1
    assert [float(a) for a in Plan(after, fetches).run([])] == [2.0, 2.0]
    assert float(v) == 2.0


# dead code


def test_what_nobody_needs_goes_and_effects_stay():
    v = Variable(1.0)
    graph = Graph("test")
    with tracing(graph), recording([]):
        x = graph.placeholder(TensorSpec(Shape(()), "float32"))
        elementary.exp(x)
        v.assign(x + 1.0)
    after, _ = optimize(graph, [], [prune_dead])
    assert [type(n.op).__name__ for n in after.nodes] == ["Placeholder", "Constant", "Add", "AssignVariable"]


# simplification


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x * 1.0,
        lambda x: 1.0 * x,
        lambda x: x / 1.0,
        lambda x: x - 0.0,
        lambda x: x + -0.0,
        lambda x: e.negative(-x),
        lambda x: x**1.0,
        lambda x: e.stop_gradient(e.identity(x)),
        lambda x: e.Cast(x.dtype)(x),
        lambda x: transpose(transpose(x)),
        lambda x: reshape(reshape(x, [6]), [2, 3]),
        lambda x: squeeze(expand_dims(x, 1), 1),
    ],
)
def test_what_changes_nothing_goes(build):
    assert rewritten(simplify)(lambda x: e.abs_(build(x)), X) == ["Abs"]


@pytest.mark.parametrize(
    "build",
    [
        lambda x: x + 0.0,
        lambda x: x * 0.0,
        lambda x: elementary.exp(elementary.log(x)),
        lambda x: x - x,
        lambda x: x * np.ones([2, 1, 1], np.float32),
    ],
)
def test_what_may_change_a_number_stays(build):
    found = rewritten(simplify)(build, X)
    assert found


def test_chains_become_one():
    assert rewritten(simplify)(lambda x: reshape(reshape(x, [6]), [3, 2]), X) == ["Reshape"]
    y = np.zeros([2, 3, 4], np.float32)
    assert rewritten(simplify)(lambda x: transpose(transpose(x, [1, 0, 2]), [2, 1, 0]), y) == ["Transpose"]


def test_signs_move_into_sums_and_squares_need_no_power():
    assert rewritten(simplify)(lambda x: elementary.exp(x) + -x, X) == ["Exp", "Subtract"]
    assert rewritten(simplify)(lambda x: x**2.0, X) == ["Square"]


def test_small_arrays_are_not_repeated_for_elementwise_ops():
    assert rewritten(simplify)(lambda x: x * broadcast_to(constant(3.0), [2, 3]), X) == ["Multiply"]


def test_unknown_sizes_are_left_alone():
    assert rewritten(simplify)(lambda x, y: x * broadcast_to(y, [2, 3]), X, X[:1], sizes=[(None, 3), (None, 3)]) == [
        "BroadcastTo",
        "Multiply",
    ]


# transposes


def test_products_take_transposes():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(2, 4)
    found = Rewritten(lambda a, b: matmul(transpose(a), b), [a, b], [fold_transposes])
    found.check()
    assert [n.op for n in found.graph.nodes if not isinstance(n.op, Placeholder)] == [Matmul(True, False)]
    assert rewritten(fold_transposes)(
        lambda a, b: matmul(transpose(a), b, False, True), a, a.T.copy()[:, :2].copy()
    ) == ["Matmul"]


def test_einsum_takes_transposes():
    a = np.arange(24.0).reshape(2, 3, 4)
    found = Rewritten(
        lambda x, y: einsum("abc,abd->acd", transpose(x, [2, 0, 1]), y), [a, a.transpose(2, 0, 1)], [fold_transposes]
    )
    found.check()
    assert [n.op for n in found.graph.nodes if not isinstance(n.op, Placeholder)] == [Einsum("bca,abd->acd")]


# fusion

BLOCK = 64


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few entries, and no op too small to fuse."""
    monkeypatch.setattr(fused, "BLOCK", BLOCK)
    monkeypatch.setattr(fused, "SMALLEST", 1)


def chain(x, y):
    return elementary.tanh(x * y + 1.0) / (2.0 + elementary.exp(-e.square(x)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([2, 3], [2, 3]),
        ([BLOCK * 2 + 7], [BLOCK * 2 + 7]),
        ([9, 20], [20]),
        ([9, 20], [9, 1]),
        ([3, 12, 20], [12, 1]),
        ([3, 12, 20], [3, 1, 1]),
        ([1, BLOCK * 2], [1, 1]),
    ],
)
def test_fused_is_not_fused(left, right, small_blocks):
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s).astype(np.float32) for s in (left, right)]
    assert rewritten(fuse_elementwise)(chain, *arrays) == ["Fused"]


def test_arrays_in_another_order_are_fused_alike(small_blocks):
    x = np.random.default_rng(0).standard_normal([20, 30])
    assert rewritten(fuse_elementwise)(lambda x, y: chain(transpose(x), y), x, x.T.copy()) == ["Transpose", "Fused"]


def test_what_others_read_is_kept(small_blocks):
    def build(x):
        y = elementary.exp(x)
        z = y * 2.0
        return reduce_sum(y), elementary.tanh(z) + y

    assert rewritten(fuse_elementwise)(build, X[:, :2]) == ["Fused", "ReduceSum", "Fused"]


def test_a_group_never_waits_for_what_waits_for_it(small_blocks):
    def build(x):
        y = elementary.exp(x)
        total = reduce_sum(y)
        return (y + 1.0) * total + elementary.tanh(y)

    assert "Fused" in rewritten(fuse_elementwise)(build, X[:, :2])


def test_fused_results_of_several_dtypes(small_blocks):
    big = np.linspace(-1, 1, BLOCK * 3, dtype=np.float32)

    def build(x):
        return e.cast(elementary.tanh(x) > 0.1, "float64"), e.where(x > 0.0, x * 2.0, e.relu(x)), elementary.erf(x) + x

    rewritten(fuse_elementwise)(build, big)


def test_fused_shows_its_ops(small_blocks):
    found = Rewritten(lambda x: elementary.exp(x) * 2.0, [X], [fuse_elementwise])
    (op,) = [n.op for n in found.graph.nodes if isinstance(n.op, Fused)]
    assert repr(op) == "fused(exp, multiply)"


def test_small_arrays_are_not_fused():
    assert rewritten(fuse_elementwise)(lambda x: elementary.exp(x) * 2.0, X) == ["Exp", "Multiply"]


# whole functions


def test_traced_functions_give_what_eager_ones_do():
    def train(x):
        y = elementary.tanh(x @ transpose(x)) * 1.0
        return y + y, while_loop(lambda i, z: i < 3, lambda i, z: (i + 1, elementary.exp(-z) * z + 1.0), (0, y))[1]

    x = constant(np.random.default_rng(0).standard_normal([3, 3]).astype(np.float32))
    for a, b in zip(train(x), function(train)(x), strict=True):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-6)


def test_variables_keep_the_arrays_that_they_had():
    v = Variable(np.ones(1 << 17, np.float32))
    step = function(lambda: v.assign(elementary.tanh(v.value() * 2.0) + 1.0))
    held = v.array
    step()
    first = v.array
    copy = first.copy()
    step()
    np.testing.assert_array_equal(held, 1.0)
    np.testing.assert_array_equal(first, copy)
