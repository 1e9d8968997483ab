"""Transposes folded into products, which take them for nothing: the flags of Matmul, the labels of Einsum."""

from collections.abc import Sequence

from tfcli.engine.graph.ir import Graph, Node
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.ops.linalg import Einsum, Matmul
from tfcli.engine.ops.shape import Transpose
from tfcli.engine.tensor import Tensor


def fold_transposes(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Products read what was transposed for them directly. The transposes stay for other readers, or are dead code."""
    sweep = Sweep(graph)

    def rule(node: Node) -> Sequence[Tensor] | None:
        match node.op:
            case Matmul(transpose_a=a, transpose_b=b):
                (x, turned_x), (y, turned_y) = map(_untransposed_matrix, node.inputs)
                if turned_x or turned_y:
                    return [sweep.emit(Matmul(a != turned_x, b != turned_y), x, y)]
            case Einsum(equation=equation, broadcasting=broadcasting) if any(map(_transposed, node.inputs)):
                terms, output = equation.split("->")
                pairs = [_untransposed(t, x) for t, x in zip(terms.split(","), node.inputs, strict=True)]
                folded = f"{','.join(term for term, _ in pairs)}->{output}"
                return [sweep.emit(Einsum(folded, broadcasting), *(x for _, x in pairs))]
        return None

    return sweep.run(fetches, rule)


def _transposed(x: Tensor) -> bool:
    return isinstance(x.node.op, Transpose)  # type: ignore[attr-defined]


def _untransposed_matrix(x: Tensor) -> tuple[Tensor, bool]:
    """What x is the transpose of in its last two axes, and whether it is one."""
    last = x.ndim - 2
    if _transposed(x) and x.node.op.perm == (*range(last), last + 1, last):  # type: ignore[attr-defined]
        return x.node.inputs[0], True  # type: ignore[attr-defined]
    return x, False


def _untransposed(term: str, x: Tensor) -> tuple[str, Tensor]:
    """The labels of what x is a transpose of: axis i of x is its axis perm[i]."""
    if not _transposed(x):
        return term, x
    labels = dict(zip(x.node.op.perm, term, strict=True))  # type: ignore[attr-defined]
    return "".join(labels[axis] for axis in range(x.ndim)), x.node.inputs[0]  # type: ignore[attr-defined]
