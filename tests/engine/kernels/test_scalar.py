"""The scalar functions of kernels against numpy's."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from tfcli.engine.kernels import scalar
from tfcli.engine.kernels.code import Code, vector
from tfcli.engine.kernels.jit import compiled
from tfcli.engine.kernels.program import Instruction, Program
from tfcli.engine.op import Op
from tfcli.engine.ops import comparison, elementary, nn
from tfcli.engine.ops import elementwise as e
from tfcli.engine.spec import TensorSpec, as_dtype
from tfcli.engine.tensor import Tensor

LANES = (0, 4, 8, 16)
"""0: scalars."""
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-6, -1e-6, 1e-30, 3.0, -3.0, 20.0, -20.0, 88.5, 89.0, -87.0, -110.0)
OUTSIDE = (np.inf, -np.inf, np.nan, 3e38, -3e38)

random = np.random.default_rng(7)
SPREAD = np.concatenate([random.normal(0, 3, 600), random.normal(0, 0.05, 300), random.uniform(-90, 90, 300)])
POSITIVE = np.exp(random.uniform(-80, 80, 1000))
UNIT = random.uniform(-1, 1, 1000)


EXACT = {elementary.Sigmoid: lambda x: 1 / (1 + np.exp(-x))}
"""Where the op's own formula loses digits of small results."""


def evaluate(op: Op, *inputs: np.ndarray, lanes: int) -> np.ndarray:
    """The op's entries by a kernel, `lanes` at once; inputs of one length."""
    output = as_dtype(op.infer(*[spec_of(x) for x in inputs]).dtype)
    assert scalar.is_scalar(op, [as_dtype(x.dtype) for x in inputs], output)
    step = max(1, lanes)
    size = -(-len(inputs[0]) // step) * step
    padded = [np.concatenate([x, np.ones(size - len(x), x.dtype)]) for x in inputs]
    result = np.zeros(size, output.numpy)
    code = Code("test")
    with code.tasks() as task:
        values = [_load(code, code.argument(i), task * step, x.dtype, lanes) for i, x in enumerate(padded)]
        value = scalar.SCALAR[type(op)](code, op, values)
        if output.is_bool:
            value = code.convert(value, "zext", "i8")
        code.store(value, code.at(code.argument(len(inputs)), task * step, _stored(output.numpy)))
    words = [x.ctypes.data for x in (*padded, result)]
    Program([Instruction(compiled(code), words, size // step)]).run(0, 1)
    return result[: len(inputs[0])]


def _stored(dtype: np.dtype) -> str:
    kind = scalar.element(as_dtype(dtype))
    return "i8" if kind == "i1" else kind


def _load(code, array, at, dtype, lanes):
    kind = _stored(dtype)
    value = code.load(code.at(array, at, kind), vector(lanes, kind) if lanes else kind)
    return value.differs(0) if np.dtype(dtype) == np.bool_ else value


def spec_of(x: np.ndarray) -> TensorSpec:
    return Tensor(x).spec


def assert_agrees(op: Op, *inputs: np.ndarray, lanes: int, tolerance: float = 1e-6) -> None:
    with np.errstate(all="ignore"):
        # float64 stands for the true value: numpy's own float32 functions round, too.
        exact = EXACT.get(type(op), op.forward)(*[x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs])
        expected = exact.astype(op.infer(*[spec_of(x) for x in inputs]).dtype.numpy)
    got = evaluate(op, *inputs, lanes=lanes)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=2e-38, err_msg=f"{op} at {lanes} lanes")


EVERYWHERE = [
    elementary.Exp(),
    elementary.Expm1(),
    elementary.Tanh(),
    elementary.Sigmoid(),
    elementary.Softplus(),
    elementary.Erf(),
    elementary.Atan(),
    elementary.Sinh(),
    elementary.Cosh(),
    elementary.Asinh(),
    e.Abs(),
    *(e.Sign(), e.Square(), e.Negative(), e.Relu(), e.Reciprocal(), e.Floor(), e.Ceil(), e.Round(), comparison.IsNan()),
    *(comparison.IsInf(), comparison.IsFinite(), e.Identity(), e.StopGradient(), nn.LeakyRelu(0.3), nn.Elu(1.7)),
    *(elementary.Sin(), elementary.Cos(), elementary.Tan()),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("op", EVERYWHERE, ids=lambda op: op.name)
def test_functions_of_any_number_agree_with_numpy(op, lanes):
    x = np.concatenate([SPREAD, SPECIAL, OUTSIDE]).astype(np.float32)
    assert_agrees(op, x, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    "op", [elementary.Log(), elementary.Log1p(), elementary.Sqrt(), elementary.Rsqrt()], ids=lambda op: op.name
)
def test_functions_of_positive_numbers_agree_with_numpy(op, lanes):
    x = np.concatenate([POSITIVE, SPREAD, SPECIAL, OUTSIDE, [1e-40, 1.0000001, 0.9999999]]).astype(np.float32)
    assert_agrees(op, x, lanes=lanes)


@pytest.mark.parametrize(
    "op", [elementary.Asin(), elementary.Acos(), elementary.Atanh(), elementary.Acosh()], ids=lambda op: op.name
)
def test_inverse_functions_agree_with_numpy(op):
    x = (UNIT if op != elementary.Acosh() else 1 + POSITIVE).astype(np.float32)
    assert_agrees(op, x, lanes=8)


@pytest.mark.parametrize(
    "op",
    [*EVERYWHERE, elementary.Log(), elementary.Log1p(), elementary.Sqrt(), elementary.Rsqrt()],
    ids=lambda op: op.name,
)
def test_float64_agrees_with_numpy(op):
    x = np.concatenate([SPREAD, SPECIAL, OUTSIDE])
    assert_agrees(op, x, lanes=4, tolerance=1e-13)


@pytest.mark.parametrize("op", [elementary.Sin(), elementary.Cos()], ids=lambda op: op.name)
def test_large_angles_keep_their_accuracy(op):
    x = np.array([1e4, -1e6, 1e9, 1e11, 1e12, 1e20, -3e38, 5e5], np.float32)
    assert_agrees(op, x, lanes=4)


@pytest.mark.parametrize("op", [elementary.Tanh(), elementary.Erf(), elementary.Sigmoid()], ids=lambda op: op.name)
def test_results_never_leave_their_range(op):
    x = np.linspace(-20, 20, 200_001).astype(np.float32)
    y = evaluate(op, x, lanes=8)
    assert np.abs(y).max() == 1.0


BINARY = [
    e.Add(),
    e.Subtract(),
    e.Multiply(),
    e.Divide(),
    e.DivideNoNan(),
    e.Maximum(),
    e.Minimum(),
    e.SquaredDifference(),
    e.Atan2(),
    comparison.Less(),
    comparison.LessEqual(),
    comparison.Greater(),
    comparison.GreaterEqual(),
    comparison.Equal(),
    comparison.NotEqual(),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.name)
def test_functions_of_two_numbers_agree_with_numpy(op, lanes):
    corner = np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan])
    x, y = (a.ravel() for a in np.meshgrid(corner, corner))
    x = np.concatenate([x, SPREAD, UNIT]).astype(np.float32)
    y = np.concatenate([y, SPREAD[::-1], UNIT]).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = op.forward(x, y)
    np.testing.assert_allclose(evaluate(op, x, y, lanes=lanes), expected, rtol=1e-6)


@pytest.mark.parametrize("lanes", LANES)
def test_sigmoid_crossentropy_agrees_with_numpy(lanes):
    labels = (SPREAD > 0).astype(np.float32)
    logits = SPREAD[::-1].astype(np.float32)
    expected = nn.SigmoidCrossEntropyWithLogits().forward(labels, logits)
    got = evaluate(nn.SigmoidCrossEntropyWithLogits(), labels, logits, lanes=lanes)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_powers_agree_with_numpy():
    x, y = np.meshgrid(np.array([0.0, 0.5, 1.0, 2.5, 9.0]), np.array([-2.0, -0.5, 0.0, 0.5, 3.0]))
    assert_agrees(e.Pow(), x.ravel().astype(np.float32), y.ravel().astype(np.float32), lanes=8)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    "op", [e.Add(), e.Multiply(), e.Maximum(), e.Minimum(), e.Divide(), comparison.Less(), comparison.Equal()]
)
def test_integers_agree_with_numpy(op, dtype):
    x = random.integers(-50, 50, 101).astype(dtype)
    y = random.integers(1, 50, 101).astype(dtype)
    np.testing.assert_array_equal(evaluate(op, x, y, lanes=8), op.forward(x, y))


@pytest.mark.parametrize("op", [e.Abs(), e.Sign(), e.Negative(), e.Square(), e.Relu(), e.Floor(), e.Round()])
def test_functions_of_one_integer_agree_with_numpy(op):
    x = np.arange(-20, 20, dtype=np.int32)
    np.testing.assert_array_equal(evaluate(op, x, lanes=8), op.forward(x))


@pytest.mark.parametrize(
    "op",
    [
        comparison.LogicalAnd(),
        comparison.LogicalOr(),
        comparison.LogicalXor(),
        comparison.Equal(),
        comparison.NotEqual(),
    ],
)
def test_truth_values_agree_with_numpy(op):
    x, y = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(evaluate(op, x, y, lanes=4), op.forward(x, y))
    np.testing.assert_array_equal(evaluate(comparison.LogicalNot(), x, lanes=4), ~x)


@pytest.mark.parametrize("target", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("source", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("lanes", LANES)
def test_casts_agree_with_numpy(source, target, lanes):
    x = np.array([0, 1, -1.7, 2.5, 100, -3, 0.25, 7]).astype(source)
    np.testing.assert_array_equal(evaluate(e.Cast(as_dtype(target)), x, lanes=lanes), x.astype(target))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.bool_])
def test_where_chooses_entry_by_entry(dtype):
    condition = random.integers(0, 2, 40).astype(np.bool_)
    x, y = (random.integers(0, 2, 40).astype(dtype) for _ in range(2))
    np.testing.assert_array_equal(evaluate(e.Where(), condition, x, y, lanes=8), np.where(condition, x, y))


def test_dtypes_without_a_register_type_are_refused():
    half, whole = as_dtype("float16"), as_dtype("int32")
    assert not scalar.is_scalar(e.Add(), [half, half], half)
    assert not scalar.is_scalar(e.Pow(), [whole, whole], whole)


def test_every_op_that_numpy_fuses_has_a_scalar_function():
    from tfcli.engine.graph.fused import OTHERS, UFUNCS

    assert {*UFUNCS, *OTHERS} <= set(scalar.SCALAR)
