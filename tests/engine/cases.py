"""One table of every op: settings and inputs inside its domain, away from kinks. `cases_nn.py` adds the layers' ops."""

from dataclasses import dataclass

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops import comparison as C
from tfcli.engine.ops import elementary as F
from tfcli.engine.ops import elementwise, index, join, linalg, order, reduce, resize, segment, sequences, shape, slicing
from tfcli.engine.spec import Shape, float32, int64


@dataclass(frozen=True, eq=False)
class Case:
    """An op applied to inputs, float64 where floating."""

    op: Op
    inputs: tuple[np.ndarray, ...]
    unknown: tuple[int | None, ...] | None = None
    """For each input the axis whose size may be unknown, or None; all first axes without this."""
    order: int = 2
    """How often its gradient can be differentiated."""

    def __repr__(self) -> str:
        return f"{self.op!r}({', '.join(str(x.shape) for x in self.inputs)})"

    @property
    def unknown_axes(self) -> tuple[int | None, ...]:
        return tuple(0 if x.ndim else None for x in self.inputs) if self.unknown is None else self.unknown


def case(op: Op, *inputs: object, unknown: tuple[int | None, ...] | None = None, order: int = 2) -> Case:
    return Case(op, tuple(np.asarray(x) for x in inputs), unknown, order)


_random = np.random.default_rng(7)


def normal(*sizes: int) -> np.ndarray:
    return _random.standard_normal(sizes)


def between(low: float, high: float, *sizes: int) -> np.ndarray:
    return _random.uniform(low, high, sizes)


def apart(*sizes: int) -> np.ndarray:
    """Distinct numbers, at least 0.1 apart and 0.05 from 0."""
    count = int(np.prod(sizes))
    return (_random.permutation(count) - count // 2 + 0.5).reshape(sizes) / 10


def unary(op: Op, low: float = -2.0, high: float = 2.0) -> list[Case]:
    return [case(op, between(low, high, 3, 2)), case(op, between(low, high))]


def binary(op: Op, low: float = -2.0, high: float = 2.0) -> list[Case]:
    shapes = [((3, 2), (3, 2)), ((3, 2), (2,)), ((3, 1), (2,)), ((), (2,))]
    return [
        case(
            op,
            between(low, high, *a),
            between(low, high, *b),
            unknown=(0 if len(a) == 2 else None, 0 if a == b else None),
        )
        for a, b in shapes
    ]


def comparison(op: Op) -> list[Case]:
    return [case(op, apart(3, 2), apart(2), unknown=(0, None)), case(op, [1, 2], [2, 2])]


def logical(op: Op) -> list[Case]:
    return [case(op, [True, True, False], [True, False, False])]


def reduction(op: type[reduce.Reduction], x: np.ndarray) -> list[Case]:
    """x of shape (3, 2, 2)."""
    return [case(op((1,)), x), case(op((0, 2), keepdims=True), x), case(op((0, 1, 2)), x)]


E, S = elementwise, shape
TRUTH = np.array([[True, False], [True, True], [False, True]])
ROWS = np.array([[2, 0], [2, 1]])
PLACES = np.array([[2, 0], [0, 1], [2, 0]])
ROWS_ONLY = np.array([[2], [0], [2]])

CASES: dict[str, list[Case]] = {
    # Entry by entry
    "Add": binary(E.add),
    "Subtract": binary(E.subtract),
    "Multiply": binary(E.multiply),
    "Divide": binary(E.divide, 0.5, 2.0),
    "DivideNoNan": [*binary(E.divide_no_nan, 0.5, 2.0), case(E.DivideNoNan(), [1.0, 2.0], 0.5, unknown=(0, None))],
    "Floordiv": [case(E.floordiv, [7.3, -7.3], [2.0, 2.0]), case(E.floordiv, [7, -7], [2, 2])],
    "Floormod": [case(E.floormod, [7.3, -7.3], [2.0, 2.0]), case(E.floormod, [7, -7], [2, 2])],
    "Pow": [*binary(E.pow_, 0.5, 2.0), case(E.pow_, [[-1.5, 2.0]], [2.0, 3.0], unknown=(0, None), order=0)],
    "Maximum": [case(E.maximum, apart(3, 2), apart(2) + 0.03, unknown=(0, None))],
    "Minimum": [case(E.minimum, apart(3, 2), apart(2) + 0.03, unknown=(0, None))],
    "SquaredDifference": binary(E.squared_difference),
    "Atan2": binary(E.atan2, 0.5, 2.0),
    "Less": comparison(C.less),
    "LessEqual": comparison(C.less_equal),
    "Greater": comparison(C.greater),
    "GreaterEqual": comparison(C.greater_equal),
    "Equal": comparison(C.equal),
    "NotEqual": comparison(C.not_equal),
    "LogicalAnd": logical(C.logical_and),
    "LogicalOr": logical(C.logical_or),
    "LogicalXor": logical(C.logical_xor),
    "LogicalNot": [case(C.logical_not, TRUTH)],
    "Negative": unary(E.negative),
    "Abs": [case(E.abs_, apart(3, 2))],
    "Sign": [case(E.sign, apart(3, 2))],
    "Floor": [case(E.floor, apart(3, 2)), case(E.floor, [1, 2])],
    "Ceil": [case(E.ceil, apart(3, 2)), case(E.ceil, [1, 2])],
    "Round": [case(E.round_, apart(3, 2))],
    "Square": unary(E.square),
    "Sqrt": unary(F.sqrt, 0.5),
    "Rsqrt": unary(F.rsqrt, 0.5),
    "Reciprocal": unary(E.reciprocal, 0.5),
    "Exp": unary(F.exp),
    "Expm1": unary(F.expm1),
    "Log": unary(F.log, 0.5),
    "Log1p": unary(F.log1p, -0.5),
    "Sin": unary(F.sin),
    "Cos": unary(F.cos),
    "Tan": unary(F.tan, -1.0, 1.0),
    "Asin": unary(F.asin, -0.8, 0.8),
    "Acos": unary(F.acos, -0.8, 0.8),
    "Atan": unary(F.atan),
    "Sinh": unary(F.sinh),
    "Cosh": unary(F.cosh),
    "Tanh": unary(F.tanh),
    "Asinh": unary(F.asinh),
    "Acosh": unary(F.acosh, 1.5, 3.0),
    "Atanh": unary(F.atanh, -0.8, 0.8),
    "Sigmoid": unary(F.sigmoid),
    "Softplus": unary(F.softplus),
    "Relu": [case(E.relu, apart(3, 2))],
    "Erf": [*unary(F.erf), case(F.erf, [-3.0, 2.6, 5.0])],
    "IsNan": [case(C.is_nan, [1.0, np.nan])],
    "IsInf": [case(C.is_inf, [1.0, np.inf])],
    "IsFinite": [case(C.is_finite, [1.0, np.inf])],
    "Cast": [case(E.Cast(int64), [1.7, -1.7]), case(E.Cast(float32), [1, 2])],
    "Where": [
        case(E.Where(), TRUTH, normal(3, 2), normal(2), unknown=(0, 0, None)),
        case(E.Where(), True, normal(2), normal(2)),
    ],
    "StopGradient": [case(E.stop_gradient, normal(3, 2), order=0)],
    "Identity": unary(E.identity),
    # Shapes
    "SumLike": [
        case(S.SumLike(), normal(3, 2), normal(2), unknown=(0, None)),
        case(S.SumLike(), normal(3, 2), normal(3, 1)),
    ],
    "BroadcastLike": [case(S.BroadcastLike(), normal(2), normal(3, 2), unknown=(None, 0))],
    "BroadcastTo": [case(S.BroadcastTo(Shape((3, 2))), normal(3, 1), unknown=(None,))],
    "SumTo": [case(S.SumTo(Shape((1, 2))), normal(3, 2))],
    "ShapeOf": [case(S.ShapeOf(), normal(3, 2))],
    "Reshape": [
        case(S.Reshape((-1, 3)), normal(3, 2, 2), unknown=(0,)),
        case(S.Reshape((None, 4)), normal(3, 2, 2)),
        case(S.Reshape((6,)), normal(3, 2)),
        case(S.Reshape((2, -1)), normal(0, 2), unknown=(None,)),
    ],
    "ReshapeLike": [case(S.ReshapeLike(), normal(3, 4), normal(3, 2, 2))],
    "Transpose": [case(S.Transpose((2, 0, 1)), normal(3, 2, 2))],
    "ExpandDims": [case(S.ExpandDims((0, 2)), normal(3, 2))],
    "Squeeze": [case(S.Squeeze((1,)), normal(3, 1, 2))],
    "Concat": [
        case(join.Concat(0), normal(3, 2), normal(2, 2)),
        case(join.Concat(1), normal(3, 2), normal(3, 1)),
        case(join.Concat(0), normal(2)),
    ],
    "ConcatGrad": [
        case(join.ConcatGrad(1), normal(3, 3), normal(3, 2), normal(3, 1)),
        case(join.ConcatGrad(0), normal(2), normal(2)),
    ],
    "Slice": [
        case(slicing.Slice(((None, None, None), (0, 1, None))), normal(3, 2)),
        case(slicing.Slice((-1, None, Ellipsis, (None, None, -1))), normal(3, 2, 2)),
        case(slicing.Slice(((1, None, 2), Ellipsis, 0)), normal(4, 2, 2)),
    ],
    "SliceGrad": [case(slicing.SliceGrad(((0, 1, None),)), normal(1, 2), normal(3, 2))],
    "Pad": [case(join.Pad(((1, 0), (0, 2))), normal(3, 2)), case(join.Pad(((1, 1),), 2.0), normal(2))],
    "Tile": [case(join.Tile((2, 3)), normal(3, 2))],
    "TileGrad": [case(join.TileGrad((2, 1)), normal(6, 2))],
    # Reductions
    "ReduceSum": [
        *reduction(reduce.ReduceSum, normal(3, 2, 2)),
        case(reduce.ReduceSum(()), normal(2)),
        case(reduce.ReduceSum((0,)), [1, 2]),
    ],
    "ReduceMean": reduction(reduce.ReduceMean, normal(3, 2, 2)),
    "ReduceMeanGrad": [case(reduce.ReduceMeanGrad((0,)), normal(1, 2), normal(3, 2), unknown=(None, 0))],
    "ReduceMax": [*reduction(reduce.ReduceMax, apart(3, 2, 2)), case(reduce.ReduceMax((0,)), [1, 2])],
    "ReduceMin": [*reduction(reduce.ReduceMin, apart(3, 2, 2)), case(reduce.ReduceMin((0,)), [1, 2])],
    "ReduceProd": [
        case(reduce.ReduceProd((1,)), normal(2, 3)),
        case(reduce.ReduceProd((0,), keepdims=True), [[0.0, 2.0], [3.0, 0.0], [0.0, 1.0]]),
    ],
    "ReduceAny": reduction(reduce.ReduceAny, normal(3, 2, 2) > 0),
    "ReduceAll": reduction(reduce.ReduceAll, normal(3, 2, 2) > 0),
    "ReduceLogsumexp": reduction(reduce.ReduceLogsumexp, normal(3, 2, 2)),
    "Argmax": [case(reduce.Argmax(1, int64), apart(3, 2))],
    "Argmin": [case(reduce.Argmin(0, int64), apart(3, 2))],
    "Cumsum": [
        case(reduce.Cumsum(a, e, r), normal(3, 2)) for a, e, r in [(0, False, False), (1, True, False), (0, True, True)]
    ],
    "Cumprod": [case(reduce.Cumprod(0), normal(3, 2)), case(reduce.Cumprod(1), [[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]])],
    "LinearRecurrence": [case(reduce.LinearRecurrence(0), normal(3, 2), normal(3, 2))],
    # Products
    "Matmul": [
        case(linalg.Matmul(False, False), normal(3, 2), normal(2, 2), unknown=(0, None)),
        case(linalg.Matmul(True, False), normal(2, 3), normal(2, 2), unknown=(1, None)),
        case(linalg.Matmul(False, True), normal(3, 2), normal(4, 2), unknown=(0, None)),
        case(linalg.Matmul(True, True), normal(2, 3), normal(4, 2), unknown=(1, None)),
        case(linalg.Matmul(False, False), normal(3, 2, 2), normal(2, 1), unknown=(0, None)),
        case(linalg.Matmul(False, True), normal(3, 2, 2), normal(1, 2), unknown=(0, None)),
        case(linalg.Matmul(True, False), normal(3, 2, 1), normal(2, 2), unknown=(0, None)),
        case(linalg.Matmul(False, True), normal(2, 1, 2, 2), normal(3, 1, 2)),
    ],
    "Einsum": [
        case(linalg.Einsum("ab,bc->ac"), normal(3, 2), normal(2, 2), unknown=(0, None)),
        case(linalg.Einsum("bqhd,bkhd->bhqk"), normal(2, 2, 1, 2), normal(2, 2, 1, 2)),
        case(linalg.Einsum("ab,cb->ca"), normal(3, 2), normal(1, 2)),
        case(linalg.Einsum("ab,bd->a"), normal(3, 2), normal(2, 2), unknown=(0, None)),
        case(linalg.Einsum("ab,b->ba"), normal(3, 2), normal(2), unknown=(0, None)),
        case(linalg.Einsum("zab,zbc->zac", "z"), normal(3, 1, 2), normal(1, 2, 2), unknown=(0, None)),
        case(linalg.Einsum("abc->ca"), normal(3, 2, 2)),
    ],
    "BandPart": [
        case(linalg.BandPart(1, 0), normal(3, 3, 2), unknown=(0,)),
        case(linalg.BandPart(-1, 0), normal(3, 3)),
    ],
    "DiagPart": [case(linalg.diag_part, normal(2, 3, 2)), case(linalg.diag_part, normal(2, 3))],
    "DiagLike": [case(linalg.DiagLike(), normal(2, 2), normal(2, 3, 2))],
    "Diag": [case(linalg.diag, normal(3, 2))],
    # By index
    "Gather": [
        case(index.Gather(0, 0), normal(3, 2), ROWS),
        case(index.Gather(1, 0), normal(2, 3, 2), ROWS),
        case(index.Gather(2, 1), normal(2, 2, 3), ROWS),
        case(index.Gather(1, 1), normal(2, 3), ROWS.astype(np.int32)),
        case(index.Gather(1, 0), normal(2, 3), 2),
    ],
    "GatherGrad": [
        case(index.GatherGrad(0, 0), normal(2, 2, 2), normal(3, 2), ROWS),
        case(index.GatherGrad(2, 1), normal(2, 2, 2), normal(2, 2, 3), ROWS),
    ],
    "GatherNd": [case(index.gather_nd, normal(3, 2), PLACES), case(index.gather_nd, normal(3, 2), ROWS_ONLY)],
    "ScatterNdLike": [case(index.ScatterNdLike(), normal(3, 2), normal(3, 2), ROWS_ONLY)],
    "ScatterNd": [
        case(index.ScatterNd((3, 2)), PLACES, normal(3)),
        case(index.ScatterNd((4, 2)), ROWS_ONLY, normal(3, 2)),
    ],
    "TensorScatterNdUpdate": [case(index.tensor_scatter_nd_update, normal(3, 2), [[2], [0]], normal(2, 2))],
    "BooleanMask": [
        case(index.BooleanMask(0), normal(3, 2), TRUTH),
        case(index.BooleanMask(1), normal(2, 3), [True, False, True]),
    ],
    "BooleanMaskGrad": [case(index.BooleanMaskGrad(0), normal(2, 2), normal(3, 2), [True, False, True])],
    "OneHot": [
        case(index.OneHot(3, 1, 0, -1, float32), ROWS),
        case(index.OneHot(3, 2.0, -1.0, 0, float32), [0, 5, -1], unknown=(0,)),
    ],
    "Range": [case(index.Range(), 0, 5, 2)],
    # Order
    "TopK": [case(order.TopK(2), apart(2, 3))],
    "Argsort": [case(order.Argsort(False), apart(2, 3)), case(order.Argsort(True), [[1, 3, 3]])],
    "Searchsorted": [
        case(order.Searchsorted("left"), [1.0, 2.0, 3.0], [0.5, 2.0]),
        case(order.Searchsorted("right"), [[1, 2]], [[2, 3]]),
    ],
    # Segments
    "SegmentSum": [
        case(segment.SegmentSum(None), normal(3, 2), [0, 0, 2]),
        case(segment.SegmentSum(3), normal(2, 2, 2), [[2, 0], [-1, 2]]),
    ],
    "SegmentMax": [case(segment.SegmentMax(2), apart(4, 2), [1, 0, -1, 1])],
    "SegmentMin": [case(segment.SegmentMin(None), apart(3, 2), [0, 1, 1])],
    # Sequences and images
    "Parts": [case(sequences.Parts(2), normal(3, 4))],
    "JoinSteps": [case(sequences.join_steps, normal(3, 2, 2))],
    "SplitSteps": [case(sequences.split_steps, normal(6, 2), normal(3, 2, 1))],
    "CarriedState": [
        case(sequences.carried_state, normal(3, 2), normal(3, 2)),
        case(sequences.carried_state, np.zeros((0, 2)), normal(3, 2)),
    ],
    "CheckIds": [case(sequences.CheckIds(3, "embedding"), ROWS)],
    "RepeatEntries": [case(resize.RepeatEntries(2, 1), normal(3, 2, 2))],
    "RepeatEntriesGrad": [case(resize.RepeatEntriesGrad(2, 1), normal(3, 4, 2))],
    "ResizeAxis": [
        case(resize.ResizeAxis(2, 1, method), normal(3, 3)) for method in ("bilinear", "bicubic", "lanczos3")
    ],
    "ResizeAxisGrad": [case(resize.ResizeAxisGrad(2, 1, "bilinear"), normal(3, 4))],
}

EXEMPT: dict[str, str] = {
    "Placeholder": "has no value of its own",
    "LowPrecision": "is made of products: see test_precision.py",
    "Rounded": "is made by a pass: see test_precision.py",
    "Fused": "is made by a pass: see passes/test_passes.py",
    "Moments": "is made by a pass: see passes/test_split_normalization.py",
    "NormalizedSums": "is made by a pass: see passes/test_split_normalization.py",
    "Constant": "holds its value",
    "ReadVariable": "reads a variable: see test_tape.py",
    "AssignVariable": "changes a variable: see test_tensor.py",
    "_Read": "a mark on a tape, never computed",
    "Scan": "holds a traced body: see test_control.py",
    "While": "holds traced bodies: see test_control_flow.py",
    "SwitchCase": "holds traced bodies: see test_control_flow.py",
    "OnlyOneTrue": "checks what tf.case is given: see test_control_flow.py",
    "CustomGradient": "holds a Python function: see test_derivatives.py",
    "UnfoldRows": "shapes a jacobian: see test_derivatives.py",
    "NoOp": "computes nothing: see test_session.py",
    "PlaceholderWithDefault": "gives its input: see test_session.py",
}
"""Ops without a case, and why."""
