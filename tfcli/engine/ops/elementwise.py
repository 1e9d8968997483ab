"""Entry by entry: arithmetic, comparisons, elementary functions. Two inputs broadcast as in numpy."""

import math
from typing import Any, ClassVar

import numpy as np

from tfcli.engine.dispatch import apply, labelled_as
from tfcli.engine.op import Op
from tfcli.engine.ops.shape import ones_like, sum_to, zeros_like
from tfcli.engine.spec import DType, TensorSpec, as_dtype, bool_, broadcast
from tfcli.engine.tensor import Symbol, Tensor, Variable, constant, convert_to_tensor, operator
from tfcli.errors import DtypeError


def promote(x: Any, y: Any, what: str) -> tuple[Tensor, Tensor]:
    """Both as tensors of one dtype: Python numbers and numpy arrays adapt to a tensor beside them. Raises
    DtypeError."""
    if isinstance(x, Tensor | Variable):
        x = convert_to_tensor(x)
        return x, _adapt(y, x.dtype, what)
    if isinstance(y, Tensor | Variable):
        y = convert_to_tensor(y)
        return _adapt(x, y.dtype, what), y
    x, y = convert_to_tensor(x), convert_to_tensor(y)
    return (x, y) if x.dtype == y.dtype else (x, _adapt(y.array, x.dtype, what))


def _adapt(value: Any, dtype: DType, what: str) -> Tensor:
    if isinstance(value, Tensor | Variable):
        return convert_to_tensor(value)
    own = convert_to_tensor(value)
    if own.dtype == dtype or isinstance(own, Symbol):
        return own
    if not _fits(own, dtype):
        raise DtypeError(f"{what}: {value!r} does not fit beside a {dtype.name} tensor; tf.cast converts")
    # From the value itself: on the way through float32, 0.1 would not be float64's 0.1.
    return constant(value, dtype)


def _fits(tensor: Tensor, dtype: DType) -> bool:
    """Whether these numbers may become `dtype` without a word: ints in its range, or ints and floats as floats."""
    if tensor.dtype.is_integer and dtype.is_integer:
        return not tensor.array.size or bool(dtype.min <= tensor.array.min() and tensor.array.max() <= dtype.max)
    return tensor.dtype.is_numeric and np.can_cast(tensor.dtype.numpy, dtype.numpy, "same_kind")


class Unary(Op, abstract=True):
    """x of any shape; the output has the same shape and dtype. `domain`: what `infer` accepts."""

    domain: ClassVar[str] = "numeric"

    def infer(self, x: TensorSpec) -> TensorSpec:
        if not getattr(x.dtype, f"is_{self.domain}"):
            raise DtypeError(f"{self.name}: expected a {self.domain} tensor, got {x.dtype.name}; tf.cast converts")
        return TensorSpec(x.shape, x.dtype)


class Floating(Unary, abstract=True):
    domain = "floating"


class Predicate(Unary, abstract=True):
    """x of any shape -> bool."""

    vjp_x: Any = None

    def infer(self, x: TensorSpec) -> TensorSpec:
        return TensorSpec(super().infer(x).shape, bool_)


class Binary(Op, abstract=True):
    """x and y of one dtype, broadcast against each other."""

    def __call__(self, x: Any, y: Any, name: str | None = None) -> Tensor:
        return labelled_as(name, apply(self, *promote(x, y, self.name)))

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if x.dtype != y.dtype:
            raise DtypeError(f"{self.name}: x is {x}, y is {y}; both must have one dtype, tf.cast converts")
        if not x.dtype.is_numeric:
            raise DtypeError(f"{self.name}: expected numbers, got {x.dtype.name}; tf.cast converts")
        return TensorSpec(broadcast(x.shape, y.shape, self.name), x.dtype)


class FloatingBinary(Binary, abstract=True):
    """x and y of one float dtype, broadcast against each other."""

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if not (x.dtype.is_floating and y.dtype.is_floating):
            raise DtypeError(f"{self.name}: expected floating tensors, got {x} and {y}; tf.cast converts")
        return super().infer(x, y)


class Comparison(Binary, abstract=True):
    """x and y of one dtype, broadcast -> bool."""

    vjp_x: Any = None
    vjp_y: Any = None

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        return TensorSpec(super().infer(x, y).shape, bool_)


class Logical(Binary, abstract=True):
    """x and y bool, broadcast -> bool."""

    vjp_x: Any = None
    vjp_y: Any = None

    def infer(self, x: TensorSpec, y: TensorSpec) -> TensorSpec:
        if not (x.dtype.is_bool and y.dtype.is_bool):
            raise DtypeError(f"{self.name}: expected bool tensors, got {x} and {y}")
        return TensorSpec(broadcast(x.shape, y.shape, self.name), bool_)


class Add(Binary):
    """x + y; texts are joined."""

    def infer(self, x, y):
        if x.dtype == y.dtype == "string":
            return TensorSpec(broadcast(x.shape, y.shape, self.name), x.dtype)
        return super().infer(x, y)

    def forward(self, x, y):
        return np.add(x, y) if x.dtype != object else np.asarray(np.add(x, y), object)

    def vjp_x(self, g, z, x, y):
        return sum_to(g, x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g, y)


class Subtract(Binary):
    def forward(self, x, y):
        return np.subtract(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g, x)

    def vjp_y(self, g, z, x, y):
        return sum_to(-g, y)


class Multiply(Binary):
    def forward(self, x, y):
        return np.multiply(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g * _conjugate(y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * _conjugate(x), y)


def _conjugate(x: Tensor) -> Tensor:
    """What a gradient is multiplied by: the factor, conjugated where it is complex."""
    if not x.dtype.is_complex:
        return x
    from tfcli.engine.ops.complex import conj

    return conj(x)


class Divide(Binary):
    """x / y; integers divide to float64, as in TensorFlow."""

    def infer(self, x, y):
        spec = super().infer(x, y)
        return spec if x.dtype.is_differentiable else TensorSpec(spec.shape, as_dtype("float64"))

    def forward(self, x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.true_divide(x, y, dtype=None if x.dtype.kind in "fc" else np.float64)

    def vjp_x(self, g, z, x, y):
        return sum_to(g / _conjugate(y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(-g * _conjugate(z / y), y)


class DivideNoNan(FloatingBinary):
    """x / y, and 0 where y is 0."""

    def forward(self, x, y):
        zero = y == 0
        return np.where(zero, x.dtype.type(0), x / np.where(zero, y.dtype.type(1), y))

    def vjp_x(self, g, z, x, y):
        return sum_to(divide_no_nan(g, y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(divide_no_nan(-g * z, y), y)


class Floordiv(Binary):
    """floor(x / y)."""

    vjp_x = vjp_y = None

    def forward(self, x, y):
        return np.floor_divide(x, y)


class Floormod(Binary):
    """x - floor(x / y) * y."""

    def forward(self, x, y):
        return np.mod(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g, x)

    def vjp_y(self, g, z, x, y):
        return sum_to(-g * floor(x / y), y)


class Pow(Binary):
    """x ** y; its derivative in y is 0 where x is not positive."""

    def forward(self, x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.power(x, y)

    def vjp_x(self, g, z, x, y):
        # Where both are 0 the exponent is taken as 1, lest 0 * 0 ** -1 make it nan.
        exponent = where(logical_and(equal(x, zeros_like(x)), equal(y, zeros_like(y))), ones_like(y), y)
        return sum_to(g * y * pow_(x, exponent - 1), x)

    def vjp_y(self, g, z, x, y):
        positive = x > 0
        return sum_to(g * z * where(positive, log(where(positive, x, ones_like(x))), zeros_like(x)), y)


class Maximum(Binary):
    """The larger; where equal the gradient goes to x."""

    def forward(self, x, y):
        return np.maximum(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g * cast(x >= y, g.dtype), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * cast(x < y, g.dtype), y)


class Minimum(Binary):
    """The smaller; where equal the gradient goes to x."""

    def forward(self, x, y):
        return np.minimum(x, y)

    def vjp_x(self, g, z, x, y):
        return sum_to(g * cast(x <= y, g.dtype), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(g * cast(x > y, g.dtype), y)


class SquaredDifference(Binary):
    """(x - y)²."""

    def forward(self, x, y):
        return np.square(x - y)

    def vjp_x(self, g, z, x, y):
        return sum_to(2.0 * g * (x - y), x)

    def vjp_y(self, g, z, x, y):
        return sum_to(-2.0 * g * (x - y), y)


class Atan2(FloatingBinary):
    """The angle of the point (y, x)."""

    def forward(self, y, x):
        return np.arctan2(y, x)

    def vjp_y(self, g, z, y, x):
        return sum_to(g * x / (x * x + y * y), y)

    def vjp_x(self, g, z, y, x):
        return sum_to(-g * y / (x * x + y * y), x)


class Less(Comparison):
    def forward(self, x, y):
        return np.less(x, y)


class LessEqual(Comparison):
    def forward(self, x, y):
        return np.less_equal(x, y)


class Greater(Comparison):
    def forward(self, x, y):
        return np.greater(x, y)


class GreaterEqual(Comparison):
    def forward(self, x, y):
        return np.greater_equal(x, y)


class Equal(Comparison):
    """x == y, of any dtype."""

    def infer(self, x, y):
        return _same_dtype_bool(self, x, y)

    def forward(self, x, y):
        return np.equal(x, y).astype(np.bool_, copy=False)


class NotEqual(Comparison):
    """x != y, of any dtype."""

    def infer(self, x, y):
        return _same_dtype_bool(self, x, y)

    def forward(self, x, y):
        return np.not_equal(x, y).astype(np.bool_, copy=False)


def _same_dtype_bool(op: Op, x: TensorSpec, y: TensorSpec) -> TensorSpec:
    if x.dtype != y.dtype:
        raise DtypeError(f"{op.name}: x is {x}, y is {y}; both must have one dtype, tf.cast converts")
    return TensorSpec(broadcast(x.shape, y.shape, op.name), bool_)


class LogicalAnd(Logical):
    def forward(self, x, y):
        return np.logical_and(x, y)


class LogicalOr(Logical):
    def forward(self, x, y):
        return np.logical_or(x, y)


class LogicalXor(Logical):
    def forward(self, x, y):
        return np.logical_xor(x, y)


class LogicalNot(Unary):
    domain = "bool"
    vjp_x = None

    def forward(self, x):
        return np.logical_not(x)


class Negative(Unary):
    def forward(self, x):
        return np.negative(x)

    def vjp_x(self, g, y, x):
        return -g


class Abs(Unary):
    """|x|; its derivative at 0 is 0."""

    def __call__(self, x: Any, name: str | None = None) -> Tensor:
        tensor = convert_to_tensor(x)
        if not tensor.dtype.is_complex:
            return apply(self, tensor)
        from tfcli.engine.ops.complex import ComplexAbs

        return ComplexAbs()(tensor)

    def forward(self, x):
        return np.abs(x)

    def vjp_x(self, g, y, x):
        return g * sign(x)


class Sign(Unary):
    def forward(self, x):
        return np.sign(x)

    def vjp_x(self, g, y, x):
        return zeros_like(g)


class _Step(Unary, abstract=True):
    """Piecewise constant: the gradient is zero."""

    vjp_x: Any = None


class Floor(_Step):
    def forward(self, x):
        return np.floor(x) if x.dtype.kind == "f" else x


class Ceil(_Step):
    def forward(self, x):
        return np.ceil(x) if x.dtype.kind == "f" else x


class Round(_Step):
    """To the nearest integer, halves to the even one."""

    def forward(self, x):
        return np.round(x)


class Square(Unary):
    def forward(self, x):
        return np.square(x)

    def vjp_x(self, g, y, x):
        return 2.0 * g * _conjugate(x)


class Sqrt(Floating):
    def forward(self, x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    def vjp_x(self, g, y, x):
        return 0.5 * g / y


class Rsqrt(Floating):
    """1 / sqrt(x)."""

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return x.dtype.type(1) / np.sqrt(x)

    def vjp_x(self, g, y, x):
        return -0.5 * g * y * y * y


class Reciprocal(Floating):
    def forward(self, x):
        with np.errstate(divide="ignore"):
            return np.reciprocal(x)

    def vjp_x(self, g, y, x):
        return -g * y * y


class Exp(Floating):
    def forward(self, x):
        with np.errstate(over="ignore"):
            return np.exp(x)

    def vjp_x(self, g, y, x):
        return g * y


class Expm1(Floating):
    """exp(x) - 1, exact near 0."""

    def forward(self, x):
        with np.errstate(over="ignore"):
            return np.expm1(x)

    def vjp_x(self, g, y, x):
        return g * (y + 1.0)


class Log(Floating):
    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x)

    def vjp_x(self, g, y, x):
        return g / x


class Log1p(Floating):
    """log(1 + x), exact near 0."""

    def forward(self, x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log1p(x)

    def vjp_x(self, g, y, x):
        return g / (x + 1.0)


class Sin(Floating):
    def forward(self, x):
        return np.sin(x)

    def vjp_x(self, g, y, x):
        return g * cos(x)


class Cos(Floating):
    def forward(self, x):
        return np.cos(x)

    def vjp_x(self, g, y, x):
        return -g * sin(x)


class Tan(Floating):
    def forward(self, x):
        return np.tan(x)

    def vjp_x(self, g, y, x):
        return g * (1.0 + y * y)


class Asin(Floating):
    def forward(self, x):
        return np.arcsin(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(1.0 - x * x)


class Acos(Floating):
    def forward(self, x):
        return np.arccos(x)

    def vjp_x(self, g, y, x):
        return -g * rsqrt(1.0 - x * x)


class Atan(Floating):
    def forward(self, x):
        return np.arctan(x)

    def vjp_x(self, g, y, x):
        return g / (1.0 + x * x)


class Sinh(Floating):
    def forward(self, x):
        return np.sinh(x)

    def vjp_x(self, g, y, x):
        return g * cosh(x)


class Cosh(Floating):
    def forward(self, x):
        return np.cosh(x)

    def vjp_x(self, g, y, x):
        return g * sinh(x)


class Tanh(Floating):
    def forward(self, x):
        return np.tanh(x)

    def vjp_x(self, g, y, x):
        return g * (1.0 - y * y)


class Asinh(Floating):
    def forward(self, x):
        return np.arcsinh(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(x * x + 1.0)


class Acosh(Floating):
    def forward(self, x):
        return np.arccosh(x)

    def vjp_x(self, g, y, x):
        return g * rsqrt(x * x - 1.0)


class Atanh(Floating):
    def forward(self, x):
        return np.arctanh(x)

    def vjp_x(self, g, y, x):
        return g / (1.0 - x * x)


class Sigmoid(Floating):
    """1 / (1 + exp(-x)), computed without overflow through tanh."""

    def forward(self, x):
        half = x.dtype.type(0.5)
        return half * np.tanh(half * x) + half

    def vjp_x(self, g, y, x):
        return g * (y * (1.0 - y))


class Softplus(Floating):
    """log(1 + exp(x)), computed without overflow."""

    def forward(self, x):
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def vjp_x(self, g, y, x):
        return g * sigmoid(x)


class Relu(Unary):
    """max(x, 0); its derivative at 0 is 0."""

    def forward(self, x):
        return np.maximum(x, x.dtype.type(0))

    def vjp_x(self, g, y, x):
        return g * cast(y > 0, g.dtype)


class Erf(Floating):
    """The error function."""

    def forward(self, x):
        return erf_array(x)

    def vjp_x(self, g, y, x):
        return g * (2.0 / math.sqrt(math.pi)) * exp(-x * x)


_ERF32_ABOVE = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF32_BELOW = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)
_CODY_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_CODY_MIDDLE = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)


def erf_array(x: np.ndarray) -> np.ndarray:
    """erf of each entry: to 5e-7 in float32 by one rational function (as in Eigen), to 1e-15 in float64 by W. J.
    Cody's.

    Source: Cody, "Rational Chebyshev approximations for the error function", 1969.
    """
    if x.dtype != np.float64:
        clipped = np.clip(x, -4, 4, dtype=np.float32)
        square = clipped * clipped
        return (clipped * _horner(_ERF32_ABOVE, square) / _horner(_ERF32_BELOW, square)).astype(x.dtype)
    a = np.abs(x)
    near = np.minimum(a, 0.46875)
    middle = np.clip(a, 0.46875, 6.0)  # beyond 6, erf is 1 to the last digit
    square = near * near
    inner = near * _horner(_CODY_NEAR[0], square) / _horner(_CODY_NEAR[1], square)
    outer = 1.0 - np.exp(-middle * middle) * _horner(_CODY_MIDDLE[0], middle) / _horner(_CODY_MIDDLE[1], middle)
    return np.copysign(np.where(a <= 0.46875, inner, outer), x)


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """The polynomial in the dtype of x, the highest power first."""
    total = x * x.dtype.type(coefficients[0])
    for c in coefficients[1:-1]:
        total += x.dtype.type(c)
        total *= x
    return total + x.dtype.type(coefficients[-1])


class IsNan(Predicate):
    def forward(self, x):
        return np.isnan(x)


class IsInf(Predicate):
    def forward(self, x):
        return np.isinf(x)


class IsFinite(Predicate):
    def forward(self, x):
        return np.isfinite(x)


class Cast(Op):
    """x in another dtype; floats are cut towards zero on the way to integers."""

    dtype: DType

    def infer(self, x):
        return TensorSpec(x.shape, self.dtype)

    def forward(self, x):
        return x.astype(self.dtype.numpy)

    def vjp_x(self, g, y, x):
        return cast(g, x.dtype)


class Where(Op):
    """x where the condition holds, y elsewhere; all three broadcast."""

    vjp_condition = None

    def infer(self, condition, x, y):
        if not condition.dtype.is_bool:
            raise DtypeError(f"where: expected a bool condition, got {condition}")
        if x.dtype != y.dtype:
            raise DtypeError(f"where: x is {x}, y is {y}; both must have one dtype, tf.cast converts")
        shape = broadcast(x.shape, y.shape, "where")
        return TensorSpec(broadcast(condition.shape, shape, "where"), x.dtype)

    def forward(self, condition, x, y):
        return np.where(condition, x, y)

    def vjp_x(self, g, z, condition, x, y):
        return sum_to(where(condition, g, zeros_like(g)), x)

    def vjp_y(self, g, z, condition, x, y):
        return sum_to(where(condition, zeros_like(g), g), y)


class StopGradient(Op):
    """x, through which no gradient passes."""

    vjp_x = None

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return x


class Identity(Op):
    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return x

    def vjp_x(self, g, y, x):
        return g


add = operator("add")(Add())
subtract = operator("subtract")(Subtract())
multiply = operator("multiply")(Multiply())
divide = operator("divide")(Divide())
divide_no_nan = DivideNoNan()
floordiv = operator("floordiv")(Floordiv())
floormod = operator("floormod")(Floormod())
pow_ = operator("pow")(Pow())
maximum, minimum, squared_difference, atan2 = Maximum(), Minimum(), SquaredDifference(), Atan2()
less, less_equal = operator("less")(Less()), operator("less_equal")(LessEqual())
greater, greater_equal = operator("greater")(Greater()), operator("greater_equal")(GreaterEqual())
equal, not_equal = operator("equal")(Equal()), operator("not_equal")(NotEqual())
logical_and, logical_or = operator("and")(LogicalAnd()), operator("or")(LogicalOr())
logical_xor, logical_not = operator("xor")(LogicalXor()), operator("invert")(LogicalNot())
negative, abs_ = operator("negative")(Negative()), operator("abs")(Abs())
sign, floor, ceil, round_, square = Sign(), Floor(), Ceil(), Round(), Square()
sqrt, rsqrt, reciprocal, exp, expm1, log, log1p = Sqrt(), Rsqrt(), Reciprocal(), Exp(), Expm1(), Log(), Log1p()
sin, cos, tan, asin, acos, atan = Sin(), Cos(), Tan(), Asin(), Acos(), Atan()
sinh, cosh, tanh, asinh, acosh, atanh = Sinh(), Cosh(), Tanh(), Asinh(), Acosh(), Atanh()
sigmoid, softplus, relu, erf = Sigmoid(), Softplus(), Relu(), Erf()
is_nan, is_inf, is_finite, stop_gradient, identity = IsNan(), IsInf(), IsFinite(), StopGradient(), Identity()


def cast(x: Any, dtype: Any) -> Tensor:
    """x in `dtype`."""
    tensor, wanted = convert_to_tensor(x), as_dtype(dtype)
    return tensor if tensor.dtype == wanted else Cast(wanted)(tensor)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where the condition holds, y elsewhere."""
    return Where()(condition, *promote(x, y, "where"))


def clip_by_value(x: Any, clip_value_min: Any, clip_value_max: Any) -> Tensor:
    """x held between two bounds, which broadcast."""
    return minimum(maximum(x, clip_value_min), clip_value_max)
