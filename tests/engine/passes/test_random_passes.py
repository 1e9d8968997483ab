"""Random graphs of ops: eager, traced, with all passes, with each alone, and by compiled kernels, they give the same
values and gradients.

TFCLI_MANY=1 draws 2,000 graphs in place of 200.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph import fused
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import Graph
from tfcli.engine.graph.passes import DEFAULT, optimize
from tfcli.engine.kernels.plan import NATIVE_PASSES, NativePlan
from tfcli.engine.ops import elementary
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops.control import scan
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.linalg import einsum, matmul
from tfcli.engine.ops.loops import while_loop
from tfcli.engine.ops.nn import softmax
from tfcli.engine.ops.reduce import reduce_max, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_to, expand_dims, reshape, squeeze, transpose
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Variable, constant

EXAMPLES = 2000 if os.environ.get("TFCLI_MANY") else 200
SIZES = (3, 4)

UNARY = [
    *(
        e.negative,
        elementary.tanh,
        elementary.sigmoid,
        elementary.sin,
        e.square,
        elementary.softplus,
        elementary.erf,
        e.relu,
        e.identity,
        e.stop_gradient,
        e.abs_,
        softmax,
    ),
    *(
        lambda x: elementary.exp(-e.square(x)),
        lambda x: elementary.sqrt(e.square(x) + 1.0),
        lambda x: elementary.log(e.square(x) + 0.5),
    ),
    *(
        lambda x: x * 1.0,
        lambda x: x + 0.0,
        lambda x: x - 0.0,
        lambda x: x / 1.0,
        lambda x: x**2.0,
        lambda x: e.negative(-x),
    ),
    *(lambda x: reshape(reshape(x, [-1]), x.shape), lambda x: squeeze(expand_dims(x, 1), 1)),
    *(
        lambda x: transpose(transpose(x)),
        lambda x: reduce_sum(x, 0) + x,
        lambda x: x - reduce_mean(x, 1, keepdims=True),
    ),
    *(lambda x: reduce_max(x) * x, lambda x: x * broadcast_to(constant(np.float64(0.5)), x.shape)),
    *(lambda x: x[::-1], lambda x: concat([x[:, 1:], x[:, :1]], 1), lambda x: e.cast(e.cast(x, "float64"), "float64")),
    *(lambda x: matmul(x, matmul(transpose(x), x)) * 0.1, lambda x: einsum("ab,cb,cd->ad", x, x, x) * 0.1),
    lambda x: scan(lambda c, s: ([elementary.tanh(c[0] + s[0])], [c[0] * s[0]]), [x[0]], [x])[1][0],
    lambda x: while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, elementary.tanh(z) * z + x), (0, x))[1],
]
BINARY = [
    *(e.add, e.subtract, e.multiply, e.maximum, e.minimum, e.squared_difference),
    *(
        lambda x, y: x / (e.square(y) + 1.0),
        lambda x, y: e.where(x > y, x, -y),
        lambda x, y: x + -y,
        lambda x, y: x - e.negative(y),
    ),
    *(
        lambda x, y: matmul(x, transpose(matmul(y, transpose(y)) @ x) @ x) * 0.1,
        lambda x, y: x * e.cast(y > 0.0, x.dtype),
    ),
    lambda x, y: einsum("ab,cb->ac", transpose(transpose(x)), y) @ x * 0.1,
]


def steps(draw):
    """(op, where its inputs are among the values so far), one after the other: three values are there to begin with."""
    count = draw(st.integers(1, 12))
    found = []
    for n in range(count):
        place = st.integers(0, 2 + n)
        kind = draw(st.integers(0, 1))
        inputs = (draw(place),) if kind == 0 else (draw(place), draw(place))
        found.append((draw(st.sampled_from((UNARY, BINARY)[kind])), inputs))
    return found


def program(drawn, variable):
    """Values and gradients of what `drawn` says, with a variable that is read and assigned on the way."""

    def build(x, y):
        sources = [x, y]
        with GradientTape() as tape:
            tape.watch(sources)
            values = [x, y, variable.value()]
            for i, (op, places) in enumerate(drawn):
                values.append(op(*[values[p] for p in places]))
                if i == len(drawn) // 2:
                    variable.assign(variable.value() * 0.5 + e.stop_gradient(elementary.tanh(values[-1])))
                    values[2] = variable.value()
            loss = reduce_sum(elementary.sin(values[-1])) + reduce_sum(values[-1] * values[2])
        return [values[-1], *tape.gradient(loss, [*sources, variable], unconnected_gradients="zero"), variable.value()]

    return build


VARIANTS = {"traced": (), "all passes": DEFAULT} | {p.__name__: (p,) for p in DEFAULT}


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """So that fusion has blocks to run, in arrays of this size."""
    before = fused.BLOCK, fused.SMALLEST
    fused.BLOCK, fused.SMALLEST = 5, 1
    yield
    fused.BLOCK, fused.SMALLEST = before


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_passes_change_no_result(data):
    drawn, seed = steps(data.draw), data.draw(st.integers(0, 99))
    random = np.random.default_rng(seed)
    x, y, start = (random.uniform(-1, 1, SIZES) for _ in range(3))
    variable = Variable(start)
    expected = [t.array for t in program(drawn, variable)(constant(x), constant(y))]
    graph = Graph("random")
    with tracing(graph), recording([]):
        symbols = [graph.placeholder(TensorSpec(Shape(SIZES), "float64")) for _ in range(2)]
        fetches = program(drawn, variable)(*symbols)
    plans = {name: Plan(*optimize(graph, fetches, passes)) for name, passes in VARIANTS.items()}
    plans["kernels"] = NativePlan(*optimize(graph, fetches, NATIVE_PASSES))
    for name, plan in plans.items():
        variable.array = start.copy()
        for a, b in zip(expected, plan.run([x, y]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(a).max()), err_msg=name)
