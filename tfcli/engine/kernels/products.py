"""Matmul and Einsum as contractions: transposes, heads of attention layers and broadcasting are strides."""

from math import prod

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.contraction import Axis, Epilogue
from tfcli.engine.kernels.gemm import Contraction, contract, row_major
from tfcli.engine.kernels.lowering import Emitter, lowers
from tfcli.engine.kernels.vectors import FLOATS, floating, shape_of
from tfcli.engine.ops.linalg import Einsum, Matmul


@lowers(Matmul)
def matmul(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """Products of matrices (..., M, K) and (..., K, N), either of them stored transposed."""
    a, b, c = *node.inputs, node.outputs[0]
    if not floating(a.dtype):
        return False
    op: Matmul = node.op  # type: ignore[assignment]
    *front, rows, columns = shape_of(c)
    inner = shape_of(a)[-2 if op.transpose_a else -1]
    row_a, inner_a = (1, rows) if op.transpose_a else (inner, 1)
    inner_b, column_b = (1, inner) if op.transpose_b else (columns, 1)
    fronts = [_broadcast_strides(shape_of(x)[:-2], len(front), prod(shape_of(x)[-2:])) for x in (a, b)]
    batch = [
        Axis(size, of_a, of_b, of_c)
        for size, of_a, of_b, of_c in zip(front, *fronts, row_major(front, rows * columns), strict=True)
    ]
    what = Contraction(
        tuple(batch),
        Axis(rows, a=row_a, c=columns),
        (Axis(inner, a=inner_a, b=inner_b),),
        Axis(columns, b=column_b, c=1),
        FLOATS[a.dtype.name],
        bfloat16=emit.in_bfloat16(a, b),
    )
    contract(emit, a, b, c, what, epilogue)
    return True


def _broadcast_strides(front: tuple[int, ...], rank: int, matrix: int) -> list[int]:
    """Strides of the axes before the matrices, 0 where one entry stands for all."""
    strides = [0 if size == 1 else stride for size, stride in zip(front, row_major(front, matrix), strict=True)]
    return [0] * (rank - len(front)) + strides


@lowers(Einsum)
def einsum(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """Products of two tensors in which every summed label stands in both, or the tensors have no others."""
    if len(node.inputs) != 2 or not floating(node.inputs[0].dtype):
        return False
    op: Einsum = node.op  # type: ignore[assignment]
    inputs, output = op.equation.split("->")
    (left, right), (a, b), c = inputs.split(","), node.inputs, node.outputs[0]
    if not output or not set(left) ^ set(right) <= set(output):
        return False
    if output[-1] not in right:
        left, right, a, b = right, left, b, a
    terms = ((left, shape_of(a)), (right, shape_of(b)), (output, shape_of(c)))
    axes = {label: _axis(label, terms) for label in dict.fromkeys(output + left)}
    columns = axes[output[-1]]
    inner = [axis for label, axis in axes.items() if label not in output]
    outer = [axis for label, axis in axes.items() if label in output[:-1]]
    if columns.a > 1 or (columns.a == 1 and columns.b != 1):
        return False
    # The rows are the last axis that b does not have; where there is none, each entry of the batch is a row.
    rows = next((axis for axis in reversed(outer) if axis.b == 0), Axis(1))
    batch = [axis for axis in outer if axis is not rows]
    element, narrow = FLOATS[a.dtype.name], emit.in_bfloat16(a, b)
    what = Contraction(tuple(batch), rows, tuple(inner), columns, element, bfloat16=narrow)
    contract(emit, a, b, c, what, epilogue)
    return True


def _axis(label: str, terms: tuple[tuple[str, tuple[int, ...]], ...]) -> Axis:
    """A label's axis: its size, and its strides in the three terms."""
    size, strides = 1, []
    for term, shape in terms:
        at = term.find(label)
        own = shape[at] if at >= 0 else 1
        size = own if own != 1 else size
        strides.append(0 if own == 1 else row_major(shape, 1)[at])
    return Axis(size, *strides)
