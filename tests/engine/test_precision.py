"""Mixed precision in the engine: rounding, and products of rounded operands with their gradients."""

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.graph.ir import Graph
from tfcli.engine.graph.passes import optimize
from tfcli.engine.graph.passes.rounding import round_operands
from tfcli.engine.ops.conv import conv
from tfcli.engine.ops.elementary import tanh
from tfcli.engine.ops.linalg import einsum, matmul
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import transpose
from tfcli.engine.precision import FORMATS, LowPrecision, products_in, round_to_bfloat16, round_to_float16
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant

random = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def from_bits(*bits: int) -> np.ndarray:
    return np.array(bits, np.uint32).view(np.float32)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0x3F800000, 0x3F800000),
        (0x3F808000, 0x3F800000),  # halfway, down to the even one
        (0x3F818000, 0x3F820000),  # halfway, up to the even one
        (0x3F808001, 0x3F810000),
        (0xBF80FFFF, 0xBF810000),
        (0x7F7FFFFF, 0x7F800000),  # the largest float32: beyond bfloat16's
        (0x00008001, 0x00010000),  # below the normal numbers
        (0x80000000, 0x80000000),
        (0xFF800000, 0xFF800000),
        (0x7F800001, 0x7FC00000),  # NaN whose upper bits are infinity's
        (0xFFFFFFFF, 0x7FC00000),
    ],
)
def test_bfloat16_is_the_nearest_and_of_two_the_even_one(given, expected):
    assert round_to_bfloat16(from_bits(given)).view(np.uint32)[0] == expected


def test_float16_is_that_of_ieee():
    given = np.float32([1.00048828125, 65519.9, 65520, 2.0**-25, 1.5 * 2.0**-24, -0.0])
    expected = np.float32([1.0, 65504, np.inf, 0.0, 2.0**-23, -0.0])
    np.testing.assert_array_equal(round_to_float16(given), expected)


@pytest.mark.parametrize("operands", FORMATS)
def test_products_and_their_gradients_take_rounded_operands(operands):
    rounded, a, b, seed = FORMATS[operands], normal(5, 7), normal(7, 3), normal(5, 3)
    x, y = constant(a), constant(b)
    with GradientTape() as tape:
        tape.watch([x, y])
        with products_in(operands):
            product = matmul(x, y)
    np.testing.assert_array_equal(product.array, rounded(a) @ rounded(b))
    of_x, of_y = tape.gradient(product, [x, y], constant(seed))
    np.testing.assert_array_equal(of_x.array, rounded(seed) @ rounded(b).T)
    np.testing.assert_array_equal(of_y.array, rounded(a).T @ rounded(seed))


def test_only_products_of_float32_are_rounded():
    x, wide = constant(normal(4, 4)), constant(random.standard_normal((4, 4)))
    with products_in("bfloat16"):
        np.testing.assert_array_equal(tanh(x).array, np.tanh(x.array))
        np.testing.assert_array_equal(matmul(wide, wide).array, wide.array @ wide.array)
        with products_in(None):
            np.testing.assert_array_equal(matmul(x, x).array, x.array @ x.array)


def test_gradients_of_gradients_are_rounded_too():
    x, y, seed = constant(normal(3, 3)), constant(normal(3, 3)), normal(3, 3)
    with GradientTape() as outer:
        outer.watch(y)
        with GradientTape() as inner:
            inner.watch(x)
            with products_in("bfloat16"):
                total = reduce_sum(matmul(x, y))
        first = inner.gradient(total, x)
    second = outer.gradient(first, y, constant(seed))
    np.testing.assert_array_equal(second.array, round_to_bfloat16(seed).T @ np.ones((3, 3), np.float32))


def traced(compute, *shapes):
    graph = Graph("rounding")
    from tfcli.engine.dispatch import tracing

    with tracing(graph), products_in("bfloat16"):
        return graph, compute(*(graph.placeholder(TensorSpec(Shape(s))) for s in shapes))


def test_an_operand_is_rounded_once_also_as_its_transpose():
    graph, out = traced(lambda x: matmul(x, transpose(x)) + matmul(x, x, True), (6, 6))
    result, _ = optimize(graph, [out])
    assert sum(repr(node.op).count("rounded") for node in result.nodes) == 1
    assert not any(node.op.name == "transpose" for node in result.nodes)


def test_the_pass_changes_no_result():
    def compute(x, kernel, w):
        y = conv(x, kernel)
        return einsum("nhwf,fg->nhwg", tanh(y), w)

    arrays = [normal(2, 6, 6, 3), normal(3, 3, 3, 4), normal(4, 5)]
    graph, out = traced(compute, *(a.shape for a in arrays))
    assert any(isinstance(node.op, LowPrecision) for node in graph.nodes)
    from tfcli.engine.graph.execute import Plan

    plain = Plan(graph, [out]).run(arrays)[0]
    np.testing.assert_array_equal(Plan(*optimize(graph, [out], [round_operands])).run(arrays)[0], plain)


@pytest.mark.parametrize("mode", ["never", "always"])
def test_traced_functions_compute_as_eager_ones(mode, monkeypatch):
    if mode == "always":
        pytest.importorskip("llvmlite")
    monkeypatch.setenv("TFCLI_KERNELS", mode)
    a, b = constant(normal(33, 40)), constant(normal(40, 17))

    def compute(a, b):
        with products_in("bfloat16"):
            return tanh(matmul(tanh(a), b))

    np.testing.assert_allclose(function(compute)(a, b).array, compute(a, b).array, rtol=1e-2, atol=2e-3)
