"""Mixed precision written out: the operands of products rounded by ops of their own, which others can be fused with."""

from collections.abc import Sequence

from tfcli.engine.graph.ir import Graph, Node
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.ops.conv import ConvInputGrad, ConvKernelGrad
from tfcli.engine.ops.shape import Reshape, ReshapeLike, Transpose
from tfcli.engine.precision import LowPrecision, Rounded
from tfcli.engine.tensor import Tensor

_MOVING = (Reshape, ReshapeLike, Transpose)


def round_operands(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """LowPrecision products become products of Rounded operands; each tensor is rounded once."""
    sweep = Sweep(graph)
    made: dict[tuple[int, str], Tensor] = {}

    def rounded(x: Tensor, operands: str) -> Tensor:
        key = (id(x), operands)
        if key not in made:
            node = x.node  # type: ignore[attr-defined]
            if isinstance(node.op, _MOVING):
                # The same numbers elsewhere: rounded before that, others may share them, and products the transpose.
                source, *rest = node.inputs
                made[key] = sweep.emit(node.op, rounded(source, operands), *rest)
            else:
                made[key] = sweep.emit(Rounded(operands), x)
        return made[key]

    def rule(node: Node) -> Sequence[Tensor] | None:
        match node.op:
            case LowPrecision(product=product, operands=operands):
                multiplied = 2 if isinstance(product, ConvInputGrad | ConvKernelGrad) else len(node.inputs)
                factors = [rounded(x, operands) for x in node.inputs[:multiplied]]
                return [sweep.emit(product, *factors, *node.inputs[multiplied:])]
        return None

    return sweep.run(fetches, rule)
