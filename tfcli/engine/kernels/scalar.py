"""The mathematics of one entry, or of a vector of entries: elementary functions, and ops that compute entry by entry.

In float32 the functions are polynomials and rational functions, right to some 3e-7 of the result; results below the
smallest normal number may be 0. exp, expm1, log, sin and cos follow S. L. Moshier's Cephes library (1989); the
quotients for tanh and erf are minimax fits of our own, by reweighted least squares. float64, and what is rare, is
left to the C library, lane by lane.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tfcli.engine.kernels.code import Code, Value, element_of, is_float, lanes_of, vector
from tfcli.engine.op import Op
from tfcli.engine.ops import comparison, elementary, nn
from tfcli.engine.ops import elementwise as e
from tfcli.engine.precision import Rounded
from tfcli.engine.spec import DType

_LOG2_E = 1.4426950408889634
_LN2 = (0.693359375, -2.12194440e-4)
"""log(2) in two parts; the first has few enough digits that a product with a small integer is exact."""
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17)
_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_TANH_ABOVE = (1.3318397e-08, 2.0583007e-05, 3.4940066e-03, 1.3379695e-01, 1.0)
_TANH_BELOW = (7.7617466e-07, 3.2830465e-04, 2.5870968e-02, 4.6713009e-01, 1.0)
_TANH_ONE = 9.02
"""From here on tanh rounds to 1."""
_ERF_ABOVE = (2.0418972e-06, 2.8480240e-04, 3.7795771e-03, 5.2790157e-02, 1.9078384e-01, 1.1283791)
_ERF_BELOW = (3.8002992e-05, 1.1651950e-03, 1.4997373e-02, 1.1425741e-01, 5.0241047e-01, 1.0)
_ERF_ONE = 3.93
_ROUND32 = 1.5 * 2.0**23
"""Added to a small float32, it leaves the nearest integer in the low bits."""
_ROUND64 = 1.5 * 2.0**52
_TOO_LARGE = 2.0**40
"""From here on, angles go to the C library."""


def polynomial(code: Code, x: Value, coefficients: Sequence[float]) -> Value:
    """By Horner's rule, the highest power first."""
    total = code.constant(x.kind, coefficients[0])
    for c in coefficients[1:]:
        total = code.fma(total, x, code.constant(x.kind, c))
    return total


def clamp(code: Code, x: Value, low: float, high: float) -> Value:
    """x held between two bounds; NaN stays."""
    x = code.select(x < low, low, x)
    return code.select(x > high, high, x)


def c_library(code: Code, name: str, *inputs: Value) -> Value:
    """The C library's function `name`, lane by lane."""
    kind = inputs[0].kind
    element = element_of(kind)
    function = f"{name}f" if element == "float" else name
    if not lanes_of(kind):
        return code.call(kind, function, *inputs)
    result = Value(code, kind, "poison")
    for i in range(lanes_of(kind)):
        entry = code.call(element, function, *(code.lane(x, i) for x in inputs))
        result = code.value(kind, f"insertelement {kind} {result.name}, {element} {entry.name}, i32 {i}")
    return result


def _is_double(x: Value) -> bool:
    return element_of(x.kind) == "double"


def _reduced(code: Code, x: Value) -> tuple[Value, Value]:
    """r in ±log(2) / 2 and s = 2 ** (n - 1) with exp(x) = exp(r) * 2s; far outside of float32's range s is 0 or r
    is large enough that the product overflows.
    """
    x = clamp(code, x, -87.6, 88.8)
    shifted = code.fma(x, code.constant(x.kind, _LOG2_E), code.constant(x.kind, _ROUND32))
    n = shifted - _ROUND32
    r = x
    for part in _LN2:
        r = code.fma(n, code.constant(x.kind, -part), r)
    return r, code.convert((code.convert(shifted, "bitcast", "i32") + 126) << 23, "bitcast", "float")


def exp(code: Code, x: Value) -> Value:
    if _is_double(x):
        return code.intrinsic("exp", x)
    r, scale = _reduced(code, x)
    half = (code.fma(polynomial(code, r, _EXP), r * r, r) + 1.0) * scale
    return half + half


def expm1(code: Code, x: Value) -> Value:
    """exp(x) - 1, exact near 0."""
    if _is_double(x):
        return c_library(code, "expm1", x)
    r, scale = _reduced(code, x)
    half = code.fma(code.fma(polynomial(code, r, _EXP), r * r, r), scale, scale - 0.5)
    return half + half


def _log_of_normal(code: Code, x: Value) -> Value:
    """log of a positive normal number, as x = m * 2 ** n with m from sqrt(1/2) to sqrt(2)."""
    bits = code.convert(x, "bitcast", "i32")
    offset = bits - 0x3F3504F3
    n = code.value(offset.kind, f"ashr {offset.kind} {offset.name}, {code.constant(offset.kind, 23).name}")
    m = code.convert(bits - (n << 23), "bitcast", "float")
    power = code.convert(n, "sitofp", "float")
    f = m - 1.0
    square = f * f
    y = polynomial(code, f, _LOG) * f * square
    y = code.fma(power, code.constant(x.kind, _LN2[1]), y)
    y = code.fma(square, code.constant(x.kind, -0.5), y)
    return code.fma(power, code.constant(x.kind, _LN2[0]), f + y)


def log(code: Code, x: Value) -> Value:
    if _is_double(x):
        return code.intrinsic("log", x)
    small = x < 2.0**-126
    result = _log_of_normal(code, code.select(small, x * 2.0**23, x))
    result = code.select(small, result - 23 * math.log(2), result)
    result = code.select(x.equals(math.inf), math.inf, result)
    outside = code.select(x.equals(0.0), code.constant(x.kind, -math.inf), code.constant(x.kind, math.nan))
    return code.select(x > 0.0, result, outside)


def log1p(code: Code, x: Value) -> Value:
    """log(1 + x), exact near 0: the logarithm of the rounded sum, and what rounding lost."""
    if _is_double(x):
        return c_library(code, "log1p", x)
    total = x + 1.0
    lost = (x - (total - 1.0)) / total
    return log(code, total) + code.select(code.intrinsic("fabs", lost) < 1.0, lost, 0.0)


def _quotient(code: Code, x: Value, above: Sequence[float], below: Sequence[float], one: float) -> Value:
    """x P(x²) / Q(x²), which reaches ±1 at ±one."""
    x = clamp(code, x, -one, one)
    square = x * x
    return clamp(code, x * polynomial(code, square, above) / polynomial(code, square, below), -1.0, 1.0)


def tanh(code: Code, x: Value) -> Value:
    return c_library(code, "tanh", x) if _is_double(x) else _quotient(code, x, _TANH_ABOVE, _TANH_BELOW, _TANH_ONE)


def erf(code: Code, x: Value) -> Value:
    """The error function."""
    return c_library(code, "erf", x) if _is_double(x) else _quotient(code, x, _ERF_ABOVE, _ERF_BELOW, _ERF_ONE)


def sigmoid(code: Code, x: Value) -> Value:
    """1 / (1 + exp(-x))."""
    return 1.0 / (exp(code, -x) + 1.0)


def softplus(code: Code, x: Value) -> Value:
    """log(1 + exp(x)), computed without overflow."""
    small = exp(code, -code.intrinsic("fabs", x))
    if _is_double(x):
        rest = c_library(code, "log1p", small)
    else:
        total = small + 1.0
        rest = _log_of_normal(code, total) + (small - (total - 1.0)) / total
    return relu(code, x) + rest


def sqrt(code: Code, x: Value) -> Value:
    return code.intrinsic("sqrt", x)


def rsqrt(code: Code, x: Value) -> Value:
    return 1.0 / sqrt(code, x)


def power(code: Code, x: Value, y: Value) -> Value:
    return code.intrinsic("pow", x, y)


def _turned(code: Code, x: Value, quarters: int) -> Value:
    """sin(x + quarters * pi / 2) of float32 x below _TOO_LARGE; the angle within a quarter turn is found in float64."""
    wide = code.convert(x, "fpext", "double")
    shifted = code.fma(wide, code.constant(wide.kind, 2 / math.pi), code.constant(wide.kind, _ROUND64))
    n = shifted - _ROUND64
    for part in _HALF_PI:
        wide = code.fma(n, code.constant(wide.kind, -part), wide)
    quarter = code.convert(code.convert(shifted, "bitcast", "i64"), "trunc", "i32") + quarters
    r = code.convert(wide, "fptrunc", "float")
    square = r * r
    sine = code.fma(polynomial(code, square, _SIN) * square, r, r)
    cosine = code.fma(
        polynomial(code, square, _COS) * square,
        square,
        code.fma(square, code.constant(r.kind, -0.5), code.constant(r.kind, 1.0)),
    )
    result = code.convert(code.select((quarter & 1).equals(0), sine, cosine), "bitcast", "i32")
    return code.convert(result ^ ((quarter & 2) << 30), "bitcast", "float")


def _angle(code: Code, x: Value, name: str, quarters: int) -> Value:
    if _is_double(x):
        return code.intrinsic(name, x)
    result = code.local(x.kind, _turned(code, x, quarters))
    with code.when(any_lane(code, code.intrinsic("fabs", x) >= _TOO_LARGE)):
        result.set(code.intrinsic(name, x))
    return result.get()


def any_lane(code: Code, mask: Value) -> Value:
    """Whether it is true in some lane."""
    lanes = lanes_of(mask.kind)
    return code.value(f"i{lanes}", f"bitcast {mask.kind} {mask.name} to i{lanes}").differs(0) if lanes else mask


def sin(code: Code, x: Value) -> Value:
    return _angle(code, x, "sin", 0)


def cos(code: Code, x: Value) -> Value:
    return _angle(code, x, "cos", 1)


def relu(code: Code, x: Value) -> Value:
    """x, and 0 where it is negative; NaN stays."""
    return code.select(x < 0, 0, x)


def absolute(code: Code, x: Value) -> Value:
    return code.intrinsic("fabs", x) if is_float(x.kind) else code.select(x < 0, -x, x)


def sign(code: Code, x: Value) -> Value:
    """-1, 0 or 1; NaN stays."""
    return code.select(x > 0, 1, code.select(x < 0, -1, x))


def divide(code: Code, x: Value, y: Value) -> Value:
    """x / y; of integers as float64."""
    if not is_float(x.kind):
        x, y = code.convert(x, "sitofp", "double"), code.convert(y, "sitofp", "double")
    return x / y


def divide_no_nan(code: Code, x: Value, y: Value) -> Value:
    """x / y, and 0 where y is 0."""
    return code.select(y.equals(0.0), 0.0, x / y)


def sigmoid_crossentropy(code: Code, labels: Value, logits: Value) -> Value:
    """-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x)) of labels z and logits x, computed without overflow."""
    return softplus(code, logits) - logits * labels


def elu(code: Code, x: Value, alpha: float) -> Value:
    return code.select(x > 0.0, x, expm1(code, code.select(x > 0.0, 0.0, x)) * alpha)


def leaky_relu(code: Code, x: Value, alpha: float) -> Value:
    return code.select(x > 0.0, x, x * alpha)


def cast(code: Code, x: Value, element: str) -> Value:
    """As another element type; floats are cut towards zero, and what is not 0 is true."""
    own = element_of(x.kind)
    if own == element:
        return x
    kind = vector(lanes_of(x.kind), element) if lanes_of(x.kind) else element
    if element == "i1":
        return x.differs(0)
    if own == "i1":
        return code.select(x, code.constant(kind, 1), code.constant(kind, 0))
    if is_float(own) and is_float(element):
        return code.convert(x, "fpext" if element == "double" else "fptrunc", element)
    if is_float(own):
        return code.convert(x, "fptosi", element)
    if is_float(element):
        return code.convert(x, "sitofp", element)
    return code.convert(x, "sext" if element == "i64" else "trunc", element)


ELEMENTS = {"float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "bool": "i1"}
"""LLVM's types for those dtypes that are computed with."""


def element(dtype: DType) -> str | None:
    """The LLVM type of an entry in a register, None for a dtype that is not computed with."""
    return ELEMENTS.get(dtype.name)


def _cast(code: Code, op: Any, inputs: list[Value]) -> Value:
    kind = element(op.dtype)
    assert kind is not None
    return cast(code, inputs[0], kind)


def round_to_bfloat16(code: Code, x: Value) -> Value:
    """To the nearest number whose last 16 bits are zero, of two as near the even one."""
    bits = code.convert(x, "bitcast", "i32")
    rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) & -0x10000
    return code.select(x.is_nan(), math.nan, code.convert(rounded, "bitcast", "float"))


def round_to_float16(code: Code, x: Value) -> Value:
    """To the nearest number that float16 holds: 11 bits, or below its normal numbers a multiple of 2 ** -24."""
    magnitude = code.intrinsic("fabs", x)
    bits = code.convert(magnitude, "bitcast", "i32")
    rounded = code.convert((bits + ((bits >> 13) & 1) + 0xFFF) & -0x2000, "bitcast", "float")
    # Between 1/2 and 1, float32's last bit is worth 2 ** -24.
    rounded = code.select(magnitude < 2.0**-14, (magnitude + 0.5) - 0.5, rounded)
    rounded = code.select(rounded > 65504.0, math.inf, rounded)
    return code.select(x.is_nan(), x, code.intrinsic("copysign", rounded, x))


_ROUNDINGS = {"bfloat16": round_to_bfloat16, "float16": round_to_float16}


def _rounded(code: Code, op: Any, inputs: list[Value]) -> Value:
    return _ROUNDINGS[op.operands](code, inputs[0])


Scalar = Callable[[Code, Any, list[Value]], Value]


def _of_inputs(function: Callable[..., Value]) -> Scalar:
    """A function of `code` and the op's inputs."""
    return lambda code, op, inputs: function(code, *inputs)


def _of_values(function: Callable[..., Value]) -> Scalar:
    """A function of the op's inputs alone."""
    return lambda code, op, inputs: function(*inputs)


def _by_c_library(name: str) -> Scalar:
    return lambda code, op, inputs: c_library(code, name, *inputs)


def _by_intrinsic(name: str) -> Scalar:
    return lambda code, op, inputs: code.intrinsic(name, *inputs) if is_float(inputs[0].kind) else inputs[0]


_ON_NUMBERS: dict[type[Op], Scalar] = {
    e.Add: _of_values(lambda x, y: x + y),
    e.Subtract: _of_values(lambda x, y: x - y),
    e.Multiply: _of_values(lambda x, y: x * y),
    e.SquaredDifference: _of_values(lambda x, y: (x - y) * (x - y)),
    e.Maximum: lambda code, op, inputs: code.maximum(*inputs),
    e.Minimum: lambda code, op, inputs: code.minimum(*inputs),
    e.Divide: _of_inputs(divide),
    comparison.Less: _of_values(lambda x, y: x < y),
    comparison.LessEqual: _of_values(lambda x, y: x <= y),
    comparison.Greater: _of_values(lambda x, y: x > y),
    comparison.GreaterEqual: _of_values(lambda x, y: x >= y),
    e.Negative: _of_values(lambda x: -x),
    e.Abs: _of_inputs(absolute),
    e.Sign: _of_inputs(sign),
    e.Square: _of_values(lambda x: x * x),
    e.Relu: _of_inputs(relu),
    e.Floor: _by_intrinsic("floor"),
    e.Ceil: _by_intrinsic("ceil"),
    e.Round: _by_intrinsic("roundeven"),
}
"""Of integers, too."""

_ON_FLOATS: dict[type[Op], Scalar] = {
    e.DivideNoNan: _of_inputs(divide_no_nan),
    e.Pow: _of_inputs(power),
    e.Reciprocal: _of_values(lambda x: 1.0 / x),
    elementary.Sqrt: _of_inputs(sqrt),
    elementary.Rsqrt: _of_inputs(rsqrt),
    elementary.Exp: _of_inputs(exp),
    elementary.Expm1: _of_inputs(expm1),
    elementary.Log: _of_inputs(log),
    elementary.Log1p: _of_inputs(log1p),
    elementary.Sin: _of_inputs(sin),
    elementary.Cos: _of_inputs(cos),
    elementary.Tanh: _of_inputs(tanh),
    elementary.Sigmoid: _of_inputs(sigmoid),
    elementary.Softplus: _of_inputs(softplus),
    elementary.Erf: _of_inputs(erf),
    elementary.Tan: _by_c_library("tan"),
    elementary.Asin: _by_c_library("asin"),
    elementary.Acos: _by_c_library("acos"),
    elementary.Atan: _by_c_library("atan"),
    e.Atan2: _by_c_library("atan2"),
    elementary.Sinh: _by_c_library("sinh"),
    elementary.Cosh: _by_c_library("cosh"),
    elementary.Asinh: _by_c_library("asinh"),
    elementary.Acosh: _by_c_library("acosh"),
    elementary.Atanh: _by_c_library("atanh"),
    nn.LeakyRelu: lambda code, op, inputs: leaky_relu(code, inputs[0], op.alpha),
    nn.Elu: lambda code, op, inputs: elu(code, inputs[0], op.alpha),
    Rounded: _rounded,
    nn.SigmoidCrossEntropyWithLogits: _of_inputs(sigmoid_crossentropy),
    comparison.IsNan: _of_values(lambda x: x.is_nan()),
    comparison.IsInf: lambda code, op, inputs: code.intrinsic("fabs", inputs[0]).equals(math.inf),
    comparison.IsFinite: lambda code, op, inputs: code.intrinsic("fabs", inputs[0]) < math.inf,
}

_ON_ALL: dict[type[Op], Scalar] = {
    comparison.Equal: _of_values(lambda x, y: x.equals(y)),
    comparison.NotEqual: _of_values(lambda x, y: x.differs(y)),
    comparison.LogicalAnd: _of_values(lambda x, y: x & y),
    comparison.LogicalOr: _of_values(lambda x, y: x | y),
    comparison.LogicalXor: _of_values(lambda x, y: x ^ y),
    comparison.LogicalNot: _of_values(lambda x: x.equals(0)),
    e.Where: lambda code, op, inputs: code.select(*inputs),
    e.Cast: _cast,
    e.Identity: _of_values(lambda x: x),
    e.StopGradient: _of_values(lambda x: x),
}
"""Of numbers and truth values."""

SCALAR: dict[type[Op], Scalar] = _ON_NUMBERS | _ON_FLOATS | _ON_ALL
"""For each op that computes entry by entry: code, op, inputs -> output. Truth values are `i1` here."""


def is_scalar(op: Op, inputs: Sequence[DType], output: DType) -> bool:
    """Whether SCALAR computes the op on entries of these dtypes."""
    if any(element(d) is None for d in (*inputs, output)):
        return False
    if type(op) in _ON_FLOATS:
        return all(d.is_floating for d in inputs)
    if type(op) in _ON_NUMBERS:
        return not any(d.is_bool for d in inputs)
    return type(op) in _ON_ALL
