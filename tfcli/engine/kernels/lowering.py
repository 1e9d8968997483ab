"""How ops become kernel calls.

A lowering is a function of a node and an emitter, declared for the ops that it knows:

    @lowers(Softmax)
    def softmax(node: Node, emit: Emitter) -> bool:
        if ...: return False                     # this one is not for us: the op's own `forward` runs
        emit(kernel(...), [node.inputs[0], node.outputs[0], rows, columns], tasks)
        return True

It sees nodes whose shapes are all known. Every value lies in memory of its own in row-major order, and its address is
given to the kernel by naming the tensor among the arguments; integers go as they are. A kernel's text depends on as
little as possible (not on sizes that it can take as arguments), so that it is compiled once; make it in a function
under `functools.cache`. Results must not depend on how tasks are shared out.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tfcli.engine.kernels.code import Code
from tfcli.engine.kernels.target import Target
from tfcli.engine.op import Op
from tfcli.engine.tensor import Tensor, Variable


class Scratch:
    """Memory that a lowering needs for itself, from its first instruction to its last; not cleared."""

    def __init__(self, size: int) -> None:
        self.size = size
        """Bytes."""


Argument = Tensor | Variable | Scratch | int


class Emitter(Protocol):
    """What a lowering writes to."""

    target: Target

    def __call__(self, kernel: Code, arguments: Sequence[Argument], tasks: int, grain: int = 1) -> None:
        """Add a kernel call. `grain` tasks are worth some microseconds of work: a thread is never handed fewer."""

    def in_bfloat16(self, *tensors: Tensor) -> bool:
        """Whether all entries of the tensors are numbers that bfloat16 holds."""

    def fault(self) -> int:
        """The address of an i64 that a kernel sets to 1 where the node's inputs are wrong, as an index out of range.
        The op's own `forward` then says what is wrong.
        """


Lowering = Callable[..., bool]
"""Of a node and an emitter, and of an epilogue where the op takes one (`epilogues.py`)."""

LOWERINGS: dict[type[Op], Lowering] = {}

FAMILIES = {
    "products": "Matmul Einsum",
    "convolution": "Conv ConvInputGrad ConvTranspose ConvKernelGrad",
    "pooling": "MaxPool AveragePool MaxPoolGrad AveragePoolGrad",
    "rows": "Softmax LogSoftmax SoftmaxGrad LogSoftmaxGrad ReduceLogsumexp",
    "normalization": "Normalize NormalizeGrad",
    "moments": "Moments NormalizedSums",
    "reductions": "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceAny ReduceAll SumTo Argmax Argmin",
    "indexing": "Gather GatherGrad CheckIds OneHot",
    "layout": "Transpose BroadcastTo Tile Slice SliceGrad Pad Concat ConcatGrad ReduceMeanGrad",
    "losses": "SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyGrad",
    "randomness": "RandomUniform",
    "recurrent": "LstmSequence GruSequence SimpleRnnSequence LstmSequenceGrad GruSequenceGrad SimpleRnnSequenceGrad "
    "StepsBefore",
}
"""The modules of this package, and the ops that each lowers: a plan imports the modules of its own ops."""

_FAMILY_OF = {op: family for family, ops in FAMILIES.items() for op in ops.split()}


def lowering_of(op: Op) -> Lowering | None:
    """The lowering that is declared for an op like this one."""
    family = _FAMILY_OF.get(type(op).__name__)
    if family is not None:
        importlib.import_module(f"tfcli.engine.kernels.{family}")
    return LOWERINGS.get(type(op))


_AnyLowering = TypeVar("_AnyLowering", bound=Callable[..., bool])


def lowers(*ops: type[Op]) -> Callable[[_AnyLowering], _AnyLowering]:
    """Decorator: the function lowers these ops."""

    def register(lowering: _AnyLowering) -> _AnyLowering:
        for op in ops:
            assert op not in LOWERINGS, f"{op.name} is lowered twice"
            LOWERINGS[op] = lowering
        return lowering

    return register
