"""Homes: where each value of a graph lives while it runs."""

import sys
from collections.abc import Sequence

import numpy as np

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import Assignment, AssignRows, AssignVariable, Constant, Node, Placeholder, ReadVariable
from tfcli.engine.kernels.scalar import ELEMENTS, SCALAR
from tfcli.engine.kernels.steps import Step, copying, is_view
from tfcli.engine.spec import TensorSpec, size_of
from tfcli.engine.tensor import Tensor, Variable

_END = sys.maxsize


class Home:
    """Memory for a value.

    `kind`: a constant's array, what is fed, a variable's array, a place in the plan's arena, or boxed: an array that
    some Python step makes and only Python steps read.
    """

    def __init__(self, kind: str, spec: TensorSpec, slot: int, first: int = 0) -> None:
        self.kind, self.slot, self.first, self.last = kind, slot, first, first
        self.dtype, self.shape = spec.dtype.numpy, tuple(size or 0 for size in spec.shape)
        self.bytes = (size_of(spec.shape) or 0) * self.dtype.itemsize
        self.address = 0
        self.array: np.ndarray | None = None
        """Where the memory stays the same from run to run."""
        self.variable: Variable | None = None
        self.array_held: np.ndarray | None = None
        self.written = False


class Homes:
    """The homes of all values; what the plan's variables have to do with it is decided here."""

    def __init__(self, feeds: Sequence[Tensor], fetches: Sequence[Tensor], steps: list[Step]) -> None:
        self.all: list[Home] = []
        self.variables: dict[Variable, Home] = {}
        self._homes: dict[int, Home] = {}
        self._tenants: dict[Home, list[int]] = {}
        """The ids of the values that live in each home."""
        self._steps = steps
        self._reads = _reads(steps)
        self._last = _last_uses(steps, fetches)
        self._native = _read_by_kernels(steps)
        self._assigns = _assigns(steps)
        self.feeds = [self._new("feed", f.spec) for f in feeds]
        for feed, home in zip(feeds, self.feeds, strict=True):
            self._move_in(feed, home)
        for i, step in enumerate(steps):
            self._settle(i, step)
        for i, step in enumerate(steps):
            if isinstance(step.node.op, AssignVariable):
                self._write_in_place(i, step)
        self.all = [home for home in self.all if home in self._tenants or home.kind != "arena"]
        for slot, home in enumerate(self.all):
            home.slot = slot
        self.slots = len(self.all)

    def of(self, tensor: Tensor) -> Home:
        return self._homes[id(tensor)]

    def _new(self, kind: str, spec: TensorSpec, first: int = 0) -> Home:
        home = Home(kind, spec, len(self.all), first)
        self.all.append(home)
        return home

    def _move_in(self, tensor: Tensor, home: Home) -> None:
        self._homes[id(tensor)] = home
        self._tenants.setdefault(home, []).append(id(tensor))

    def _settle(self, i: int, step: Step) -> None:
        """Give the outputs of step i their homes."""
        node = step.node
        op = node.op
        if isinstance(op, Constant):
            home = self._new("constant", node.outputs[0].spec)
            home.array = np.ascontiguousarray(op.value).reshape(op.value.shape)
            home.address = home.array.ctypes.data
            self._move_in(node.outputs[0], home)
        elif isinstance(op, Placeholder):
            assert id(node.outputs[0]) in self._homes, f"{node} is not fed"
        elif isinstance(op, ReadVariable):
            self._read(i, step, op.variable)
        elif isinstance(op, AssignRows):
            self._variable_home(op.variable).written = True
        elif isinstance(op, AssignVariable):
            self._variable_home(op.variable).written = True
            self._share(i, node.inputs[0], node.outputs[0])
        elif is_view(node):
            self._share(i, node.inputs[0], node.outputs[0])
        else:
            for output in node.outputs:
                arena = step.native or (id(output) in self._native and output.shape.is_fully_defined())
                home = self._new("arena" if arena else "boxed", output.spec, i)
                home.last = max(i, self._last.get(id(output), i))
                self._move_in(output, home)

    def _share(self, i: int, source: Tensor, view: Tensor) -> None:
        home = self.of(source)
        self._move_in(view, home)
        home.last = max(home.last, self._last.get(id(view), i))

    def _variable_home(self, variable: Variable) -> Home:
        if variable not in self.variables:
            home = self.variables[variable] = self._new("variable", TensorSpec(variable.shape, variable.dtype))
            home.variable = variable
        return self.variables[variable]

    def _read(self, i: int, step: Step, variable: Variable) -> None:
        """The variable's own memory, or a copy where the value is needed after the variable has changed."""
        output = step.node.outputs[0]
        home = self._variable_home(variable)
        next_write = min((q for q in self._assigns.get(variable, ()) if q > i), default=_END)
        if self._last.get(id(output), i) <= next_write:
            self._move_in(output, home)
            return
        copy = self._new("arena", output.spec, i)
        self._move_in(output, copy)
        copy.last = self._last[id(output)]
        if variable.dtype.name in ELEMENTS:
            step.calls = copying(variable, output)
        else:
            step.native = False

    def _write_in_place(self, q: int, step: Step) -> None:
        """Let what makes the new value write it where the variable lies, if nobody needs the old one by then."""
        op, value = step.node.op, step.node.inputs[0]
        assert isinstance(op, AssignVariable)
        home, target = self.of(value), self.variables[op.variable]
        p = home.first
        if home.kind != "arena" or not self._steps[p].native or len(self._assigns[op.variable]) > 1:
            return
        if (home.bytes, home.dtype) != (target.bytes, target.dtype) or isinstance(self._steps[p].node.op, ReadVariable):
            return
        for i in self._reads.get(op.variable, ()):
            output = self._steps[i].node.outputs[0]
            last = self._last.get(id(output), i) if self.of(output) is target else i
            if p < i < q or last > p or (last == p and not _same_entry(self._steps[p].node, output)):
                return
        moving = self._tenants.pop(home)
        self._homes.update(dict.fromkeys(moving, target))
        self._tenants.setdefault(target, []).extend(moving)
        step.calls = []


def _last_uses(steps: Sequence[Step], fetches: Sequence[Tensor]) -> dict[int, int]:
    """For each value that is used, the last step that reads it, or a view of it."""
    last = {id(f): _END for f in fetches}
    for i in range(len(steps) - 1, -1, -1):
        node = steps[i].node
        use = last.get(id(node.outputs[0]), i) if is_view(node) else i
        for source in node.inputs:
            last[id(source)] = max(last.get(id(source), i), use)
    return last


def _read_by_kernels(steps: Sequence[Step]) -> set[int]:
    """The values that a kernel reads, by themselves or as views."""
    read: set[int] = set()
    for step in reversed(steps):
        node = step.node
        if is_view(node):
            if id(node.outputs[0]) in read:
                read.add(id(node.inputs[0]))
        elif step.native:
            read.update(id(i) for i in node.inputs)
    return read


def _reads(steps: Sequence[Step]) -> dict[Variable, list[int]]:
    """The steps that read each variable."""
    found: dict[Variable, list[int]] = {}
    for i, step in enumerate(steps):
        if isinstance(step.node.op, ReadVariable):
            found.setdefault(step.node.op.variable, []).append(i)
    return found


def _assigns(steps: Sequence[Step]) -> dict[Variable, list[int]]:
    """The steps that assign each variable."""
    found: dict[Variable, list[int]] = {}
    for i, step in enumerate(steps):
        if isinstance(step.node.op, Assignment):
            found.setdefault(step.node.op.variable, []).append(i)
    return found


def _same_entry(node: Node, value: Tensor) -> bool:
    """Whether the node reads an entry of `value` only for the entry of its outputs at the same place."""
    pointwise = isinstance(node.op, Fused) or type(node.op) in SCALAR
    return pointwise and any(i is value for i in node.inputs) and value.shape == node.outputs[0].shape
