"""Entry by entry: arithmetic, rounding, casts and choices. Two inputs broadcast as in numpy."""

from typing import Any

import numpy as np

from tfcli.engine.dispatch import apply
from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal, logical_and
from tfcli.engine.ops.elementary import log
from tfcli.engine.ops.kinds import Binary, Floating, FloatingBinary, Unary, promote
from tfcli.engine.ops.shape import ones_like, sum_to, zeros_like
from tfcli.engine.spec import DType, TensorSpec, as_dtype, broadcast
from tfcli.engine.tensor import Tensor, convert_to_tensor, operator
from tfcli.errors import DtypeError


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


class Reciprocal(Floating):
    def forward(self, x):
        with np.errstate(divide="ignore"):
            return np.reciprocal(x)

    def vjp_x(self, g, y, x):
        return -g * y * y


class Relu(Unary):
    """max(x, 0); its derivative at 0 is 0."""

    def forward(self, x):
        return np.maximum(x, x.dtype.type(0))

    def vjp_x(self, g, y, x):
        return g * cast(y > 0, g.dtype)


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
negative, abs_ = operator("negative")(Negative()), operator("abs")(Abs())
sign, floor, ceil, round_, square = Sign(), Floor(), Ceil(), Round(), Square()
reciprocal, relu, stop_gradient, identity = Reciprocal(), Relu(), StopGradient(), Identity()


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
