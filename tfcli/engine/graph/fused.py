"""Fused: several entry-by-entry ops as one, run block by block so that what lies between them stays in cache."""

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops import comparison, elementary, nn
from tfcli.engine.ops import elementwise as e
from tfcli.engine.precision import Rounded
from tfcli.engine.spec import TensorSpec, size_of
from tfcli.engine.tensor import Tensor

BLOCK = 1 << 16
"""Entries of a block. Smaller ones cost more in calls of numpy than they save in memory traffic; see docs/passes.md."""
SMALLEST = BLOCK + 1
"""Entries from which on fusing pays."""

UFUNCS: dict[type[Op], np.ufunc] = {
    e.Add: np.add,
    e.Subtract: np.subtract,
    e.Multiply: np.multiply,
    e.Divide: np.true_divide,
    e.Pow: np.power,
    e.Maximum: np.maximum,
    e.Minimum: np.minimum,
    e.Atan2: np.arctan2,
    comparison.Less: np.less,
    comparison.LessEqual: np.less_equal,
    comparison.Greater: np.greater,
    comparison.GreaterEqual: np.greater_equal,
    comparison.Equal: np.equal,
    comparison.NotEqual: np.not_equal,
    comparison.LogicalAnd: np.logical_and,
    comparison.LogicalOr: np.logical_or,
    comparison.LogicalXor: np.logical_xor,
    comparison.LogicalNot: np.logical_not,
    e.Negative: np.negative,
    e.Abs: np.abs,
    e.Sign: np.sign,
    e.Square: np.square,
    elementary.Sqrt: np.sqrt,
    e.Reciprocal: np.reciprocal,
    elementary.Exp: np.exp,
    elementary.Expm1: np.expm1,
    elementary.Log: np.log,
    elementary.Log1p: np.log1p,
    elementary.Sin: np.sin,
    elementary.Cos: np.cos,
    elementary.Tanh: np.tanh,
}
"""Ops that one function of numpy computes, into an array that is given."""

OTHERS = (
    *(
        e.DivideNoNan,
        e.SquaredDifference,
        elementary.Rsqrt,
        elementary.Sigmoid,
        elementary.Softplus,
        e.Relu,
        elementary.Erf,
        e.Cast,
        e.Where,
    ),
    Rounded,
    *(
        elementary.Tan,
        elementary.Asin,
        elementary.Acos,
        elementary.Atan,
        elementary.Sinh,
        elementary.Cosh,
        elementary.Asinh,
        elementary.Acosh,
        elementary.Atanh,
        nn.LeakyRelu,
        nn.Elu,
    ),
)
"""Further ops that compute each entry by itself and always give a new array."""


def is_fusible(op: Op, inputs: Sequence[Tensor], output: Tensor) -> bool:
    """Whether the op may be part of a Fused one: entry by entry, on numbers, all shapes known, and enough of them."""
    if type(op) is e.Divide and output.dtype != inputs[0].dtype:
        return False
    size = size_of(output.shape)
    if size is None or size < SMALLEST:
        return False
    return (type(op) in UFUNCS or isinstance(op, OTHERS)) and all(
        x.shape.is_fully_defined() and (x.dtype.is_numeric or x.dtype.is_bool) for x in (*inputs, output)
    )


class Fused(Op):
    """Inputs that broadcast to one shape -> `outputs`, all of that shape.

    `program`: ops, each with the places of its inputs among all values so far: the inputs, then earlier results.
    `specs`: those of the inputs and of all results. It is made after differentiation, so it has no gradient.
    """

    program: tuple[tuple[Op, tuple[int, ...]], ...]
    outputs: tuple[int, ...]
    specs: tuple[TensorSpec, ...]
    vjp: Any = None

    def infer(self, *inputs):
        found = tuple(self.specs[o] for o in self.outputs)
        return found if len(found) > 1 else found[0]

    def forward(self, *inputs):
        with np.errstate(all="ignore"):
            results = _blocks(self).run(inputs)
        return results if len(results) > 1 else results[0]

    def __repr__(self) -> str:
        return f"fused({', '.join(op.name for op, _ in self.program)})"


@functools.lru_cache(maxsize=4096)
def _blocks(op: Fused) -> "_Blocks":
    return _Blocks(op)


class _Blocks:
    """How a Fused runs on large arrays: which inputs are cut, and where each step writes."""

    def __init__(self, op: Fused) -> None:
        self.inputs = len(op.specs) - len(op.program)
        self.specs, self.outputs = op.specs, op.outputs
        self.shape = _padded(op.specs[-1].shape, op.specs[-1].rank)
        shapes = [_padded(s.shape, len(self.shape)) for s in op.specs[: self.inputs]]
        axes = _leading_axes(shapes, self.shape)
        self.rows, self.rest = prod(self.shape[:axes]), self.shape[axes:]
        self.rows_at_once = max(1, BLOCK // max(1, prod(self.rest)))
        self.cut = [i for i, s in enumerate(shapes) if s[:axes] == self.shape[:axes]]
        self.shapes = [((self.rows, *s[axes:]) if i in self.cut else s[axes:]) for i, s in enumerate(shapes)]
        self.dtypes: list[np.dtype] = []
        self.steps = self._place(op)

    def _place(self, op: Fused) -> list[tuple[int, Callable[..., Any], bool, tuple[int, ...], int | None]]:
        """Each step: its place, the function, whether it takes `out`, its inputs' places, the buffer it may use."""
        last = {p: n for n, (_, places) in enumerate(op.program) for p in places}
        buffer_of: dict[int, int] = {}
        free: list[int] = []
        steps = []
        for n, (inner, places) in enumerate(op.program):
            place, ufunc = self.inputs + n, UFUNCS.get(type(inner))
            free += [buffer_of.pop(p) for p in dict.fromkeys(places) if p in buffer_of and last[p] == n]
            buffer = None
            if ufunc is not None and place not in op.outputs:
                buffer = buffer_of[place] = self._take(free, op.specs[place].dtype.numpy)
            steps.append((place, ufunc or inner.forward, ufunc is not None, places, buffer))  # type: ignore[attr-defined]
        return steps

    def _take(self, free: list[int], dtype: np.dtype) -> int:
        for i in free:
            if self.dtypes[i] == dtype:
                free.remove(i)
                return i
        self.dtypes.append(dtype)
        return len(self.dtypes) - 1

    def run(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        arrays = [x.reshape(s) for x, s in zip(inputs, self.shapes, strict=True)]
        results = {o: np.empty((self.rows, *self.rest), self.specs[o].dtype.numpy) for o in self.outputs}
        buffers = [np.empty((self.rows_at_once, *self.rest), dtype) for dtype in self.dtypes]
        values: list[Any] = [*arrays, *[None] * len(self.steps)]
        for start in range(0, self.rows, self.rows_at_once):
            end = min(start + self.rows_at_once, self.rows)
            for i in self.cut:
                values[i] = arrays[i][start:end]
            for place, function, takes_out, places, buffer in self.steps:
                arguments = [values[p] for p in places]
                if buffer is not None:
                    values[place] = function(*arguments, out=buffers[buffer][: end - start])
                elif place not in results:
                    values[place] = function(*arguments)
                else:
                    values[place] = results[place][start:end]
                    if takes_out:
                        function(*arguments, out=values[place])
                    else:
                        values[place][...] = function(*arguments)
        return tuple([results[o].reshape(self.shape) for o in self.outputs])


def _padded(shape: Sequence[int | None], rank: int) -> tuple[int, ...]:
    return (*(1,) * (rank - len(shape)), *shape)  # type: ignore[arg-type]


def _leading_axes(shapes: Sequence[tuple[int, ...]], shape: tuple[int, ...]) -> int:
    """How many axes from the front each input has wholly or not at all: these can be cut together."""
    axes = 1
    while axes < len(shape) and all(s[: axes + 1] in (shape[: axes + 1], (1,) * (axes + 1)) for s in shapes):
        axes += 1
    return axes
