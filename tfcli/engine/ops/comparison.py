"""Entry by entry: comparisons, logic, tests for NaN and infinity."""

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.kinds import Comparison, Logical, Predicate, Unary
from tfcli.engine.spec import TensorSpec, bool_, broadcast
from tfcli.engine.tensor import operator
from tfcli.errors import DtypeError


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


class IsNan(Predicate):
    def forward(self, x):
        return np.isnan(x)


class IsInf(Predicate):
    def forward(self, x):
        return np.isinf(x)


class IsFinite(Predicate):
    def forward(self, x):
        return np.isfinite(x)


less, less_equal = operator("less")(Less()), operator("less_equal")(LessEqual())
greater, greater_equal = operator("greater")(Greater()), operator("greater_equal")(GreaterEqual())
equal, not_equal = operator("equal")(Equal()), operator("not_equal")(NotEqual())
logical_and, logical_or = operator("and")(LogicalAnd()), operator("or")(LogicalOr())
logical_xor, logical_not = operator("xor")(LogicalXor()), operator("invert")(LogicalNot())
is_nan, is_inf, is_finite = IsNan(), IsInf(), IsFinite()
