"""What a node costs: floating point operations and bytes of memory traffic, from shapes alone."""

from dataclasses import dataclass
from math import prod

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import Node
from tfcli.engine.op import Op
from tfcli.engine.ops import conv, linalg, shape
from tfcli.engine.ops.control import Scan
from tfcli.engine.precision import LowPrecision
from tfcli.engine.spec import TensorSpec

_VIEWS = (shape.Reshape, shape.ReshapeLike, shape.Transpose, shape.ExpandDims, shape.Squeeze, shape.BroadcastTo)
_FREE = (
    "read_variable",
    "assign_variable",
    "placeholder",
    "constant",
    "identity",
    "stop_gradient",
    "slice",
    "shape_of",
)
_RECURRENT = ("lstm_sequence", "gru_sequence", "simple_rnn_sequence")


@dataclass(frozen=True)
class Cost:
    """Floating point operations, and bytes read and written."""

    flops: int
    bytes: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flops + other.flops, self.bytes + other.bytes)


def cost_of(node: Node) -> Cost:
    """The cost of running the node once; sizes that are unknown count as 1."""
    if isinstance(node.op, _VIEWS) or node.op.name in _FREE:
        return Cost(0, 0)
    specs = [x.spec for x in (*node.inputs, *node.outputs)]
    return Cost(_flops(node) if node.outputs else 0, sum(_entries(s) * s.dtype.size for s in specs))


def _flops(node: Node) -> int:
    """Two for each multiplication with its addition in products, one for each entry elsewhere."""
    return _flops_of(node.op, [i.spec for i in node.inputs], node.outputs[0].spec)


def _flops_of(op: Op, inputs: list[TensorSpec], output: TensorSpec) -> int:
    match op:
        case LowPrecision(product=product):
            return _flops_of(product, inputs, output)
        case linalg.Matmul(transpose_a=transposed):
            return 2 * _entries(output) * (inputs[0].shape[-2 if transposed else -1] or 1)
        case linalg.Einsum(equation=equation):
            terms = equation.split("->")[0].split(",")
            sizes = {
                label: size or 1
                for t, x in zip(terms, inputs, strict=True)
                for label, size in zip(t, x.shape, strict=True)
            }
            return len(inputs) * prod(sizes.values())
        case conv.Conv():
            return 2 * _entries(output) * _per_output(inputs[1])
        case conv.ConvInputGrad():
            return 2 * _entries(inputs[0]) * _per_output(inputs[1])
        case conv.ConvKernelGrad():
            return 2 * _entries(inputs[1]) * _per_output(output)
        case Fused(program=program):
            return _entries(output) * len(program)
        case Scan(body=body):
            length = inputs[op.carries].shape[0] or 1
            return length * sum(cost_of(inner).flops for inner in body.plan.nodes)
    if op.name in _RECURRENT:
        return _over_time(inputs, inputs[1 + op.states])  # type: ignore[attr-defined]
    if op.name.removesuffix("_grad") in _RECURRENT:
        return _over_time(inputs, inputs[-1])
    return max(_entries(s) for s in (*inputs, output))


def _per_output(kernel: TensorSpec) -> int:
    """Multiplications for one entry of a convolution's output: kernel sizes times input channels."""
    return prod(d or 1 for d in kernel.shape[:-1])


def _over_time(inputs: list[TensorSpec], kernel: TensorSpec) -> int:
    """The products with a recurrent kernel, one for each step of each example."""
    steps = next(spec.shape[:2] for spec in inputs if spec.rank == 3)
    return 2 * prod(d or 1 for d in steps) * _entries(kernel)


def _entries(spec: TensorSpec) -> int:
    return prod(d or 1 for d in spec.shape)
