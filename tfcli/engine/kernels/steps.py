"""The steps of a plan: each node with the kernel calls that it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import AssignVariable, Constant, Node, Placeholder, ReadVariable
from tfcli.engine.kernels.code import Code
from tfcli.engine.kernels.lowering import Argument, Scratch, lowering_of
from tfcli.engine.kernels.pointwise import ELEMENTS, emit_copy, is_pointwise, lower_single
from tfcli.engine.kernels.target import Target, host
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops import shape as s
from tfcli.engine.precision import Rounded
from tfcli.engine.tensor import Tensor, Variable

_SAME_MEMORY = (s.Reshape, s.ReshapeLike, s.ExpandDims, s.Squeeze, e.Identity, e.StopGradient)


@dataclass
class Call:
    """Of a kernel."""

    kernel: Code
    arguments: Sequence[Argument]
    tasks: int
    grain: int


@dataclass
class Step:
    """A node with its kernel calls. Where it is not `native` its own `forward` runs."""

    node: Node
    native: bool = False
    calls: list[Call] = field(default_factory=list)

    def scratches(self) -> list[Scratch]:
        found = [a for call in self.calls for a in call.arguments if isinstance(a, Scratch)]
        return list({id(s): s for s in found}.values())


class _Emitter:
    def __init__(self, target: Target, fault: int, narrow: frozenset[int] = frozenset()) -> None:
        self.target, self._fault, self._narrow = target, fault, narrow
        self.calls: list[Call] = []

    def in_bfloat16(self, *tensors: Tensor) -> bool:
        return all(id(x) in self._narrow for x in tensors)

    def fault(self) -> int:
        return self._fault

    def __call__(self, kernel: Code, arguments: Sequence[Argument], tasks: int, grain: int = 1) -> None:
        if tasks:
            self.calls.append(Call(kernel, arguments, tasks, grain))


def is_view(node: Node) -> bool:
    """Whether the output is the first input's memory under another shape."""
    ends = (node.inputs[0], node.outputs[0]) if isinstance(node.op, _SAME_MEMORY) else ()
    return bool(ends) and all(x.shape.is_fully_defined() for x in ends)


def is_given(node: Node) -> bool:
    """Whether there is nothing to do for the node: its value is there when its turn comes."""
    return isinstance(node.op, Constant | Placeholder | ReadVariable) or is_view(node)


def copying(source: Tensor | Variable, target: Tensor | Variable) -> list[Call]:
    """The calls that write what `source` holds to `target`."""
    emit = _Emitter(host(), fault=0)
    assert emit_copy(emit, source, target), f"no kernel copies {source}"
    return emit.calls


def lower(nodes: Sequence[Node], fetches: Sequence[Tensor], fault: int) -> list[Step]:
    """A step for each node. `fault`: the address of the word that kernels set where their inputs are wrong."""
    from tfcli.engine.kernels.epilogues import find_pairs, lower_pair

    target, steps, narrow = host(), [], _in_bfloat16(nodes)
    pairs = find_pairs(nodes, fetches)
    waiting = {id(product) for product in pairs.values()}
    for node in nodes:
        if id(node) in waiting:
            continue
        if id(node) in pairs:
            emit = _Emitter(target, fault, narrow)
            both = lower_pair(pairs[id(node)], node, emit)
            if both is not None:
                steps.append(Step(both, True, emit.calls))
                continue
            steps.append(_lowered(pairs[id(node)], target, fault, narrow))
        steps.append(_lowered(node, target, fault, narrow))
    return steps


def _in_bfloat16(nodes: Sequence[Node]) -> frozenset[int]:
    """The ids of values all of whose entries are numbers that bfloat16 holds."""
    found: set[int] = set()
    for node in nodes:
        match node.op:
            case Rounded(operands="bfloat16"):
                found.add(id(node.outputs[0]))
            case Fused(program=program, outputs=places):
                made = zip(places, node.outputs, strict=True)
                steps = ((program[place - len(node.inputs)][0], output) for place, output in made)
                found.update(id(o) for op, o in steps if op == Rounded("bfloat16"))
            case _ if isinstance(node.op, (*_SAME_MEMORY, s.Transpose)) and id(node.inputs[0]) in found:
                found.add(id(node.outputs[0]))
    return frozenset(found)


def _lowered(node: Node, target: Target, fault: int, narrow: frozenset[int]) -> Step:
    if is_given(node):
        return Step(node, native=True)
    tensors = (*node.inputs, *node.outputs)
    if not all(x.shape.is_fully_defined() and x.dtype.numpy.kind != "O" for x in tensors):
        return Step(node)
    emit = _Emitter(target, fault, narrow)
    if isinstance(node.op, AssignVariable):
        native = node.outputs[0].dtype.name in ELEMENTS and emit_copy(emit, node.inputs[0], node.op.variable)
    elif lowering := lowering_of(node.op):
        native = lowering(node, emit)
    else:
        single = len(node.outputs) == 1 and is_pointwise(node.op, node.inputs, node.outputs[0])
        native = single and lower_single(node, emit)
    return Step(node, native, emit.calls if native else [])
