"""Running a graph by compiled kernels: all memory laid out beforehand, and no Python between one kernel and the next.

What no kernel computes runs as the op's own `forward`, on arrays that lie in the same memory. Variables that the graph
assigns are written in place, unless somebody outside still holds the array: then the variable gets a fresh one first,
so that no value that was read ever changes.
"""

import functools
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np

from tfcli.engine.graph.execute import Measured, needed
from tfcli.engine.graph.ir import AssignRows, AssignVariable, Constant, Graph
from tfcli.engine.graph.passes import DEFAULT, Pass
from tfcli.engine.graph.passes.fuse import fuse_elementwise
from tfcli.engine.graph.passes.recompute import recompute
from tfcli.engine.graph.passes.split_normalization import split_normalization
from tfcli.engine.kernels.homes import Home, Homes
from tfcli.engine.kernels.jit import compile_ahead, compiled
from tfcli.engine.kernels.lowering import Argument, Scratch
from tfcli.engine.kernels.memory import Lifetime, address_of, aligned, layout
from tfcli.engine.kernels.pointwise import is_pointwise
from tfcli.engine.kernels.program import Instruction, Program
from tfcli.engine.kernels.steps import Step, lower
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.engine.tensor import Tensor, Variable

NATIVE_PASSES: tuple[Pass, ...] = (
    *DEFAULT[:-1],
    split_normalization,
    functools.partial(fuse_elementwise, fusible=is_pointwise),
    recompute,
)
"""The passes before kernels: more is fused, as a kernel takes a chain of any size."""


class NativePlan:
    """What has to run, in which order, to get `fetches` from feeds, on shapes that are all known."""

    def __init__(self, graph: Graph, fetches: Sequence[Tensor]) -> None:
        self.graph = graph
        nodes = needed(graph, fetches, True, graph.inputs)
        self.nodes = [node for node in nodes if not isinstance(node.op, Constant)]
        self._fault = np.zeros(1, np.int64)
        self.steps = lower(nodes, fetches, self._fault.ctypes.data)
        self._homes = Homes(graph.inputs, fetches, self.steps)
        self._lock = threading.RLock()
        self._place_values()
        self._make_program()
        self._fetches = [self._reader(f, copied=True) for f in fetches]

    # making it

    def _place_values(self) -> None:
        """Lay out the values that live in memory of the plan's own, and scratch memory with them."""
        homes = [h for h in self._homes.all if h.kind == "arena"]
        scratches = [(i, s) for i, step in enumerate(self.steps) for s in step.scratches()]
        lifetimes = [Lifetime(h.bytes, h.first, h.last) for h in homes]
        lifetimes += [Lifetime(s.size, i, i) for i, s in scratches]
        offsets, self.arena_bytes = layout(lifetimes)
        self._arena = aligned((self.arena_bytes,), np.uint8)
        base = self._arena.ctypes.data
        for home, offset in zip(homes, offsets, strict=False):
            home.address = base + offset
            home.array = self._arena[offset : offset + home.bytes].view(home.dtype).reshape(home.shape)
        self._scratch = {id(s): base + offset for (_, s), offset in zip(scratches, offsets[len(homes) :], strict=True)}

    def _make_program(self) -> None:
        """The instructions, the words to be changed when an array moves, and the segments that run at one go."""
        compile_ahead(call.kernel for step in self.steps for call in step.calls)
        instructions: list[Instruction] = []
        moving: dict[Home, list[tuple[int, int]]] = {}
        self._segments: list[tuple[int, int] | Callable[[list[Any]], None]] = []
        self._owners: list[int] = []
        for i, step in enumerate(self.steps):
            if not step.native:
                self._segments.append(self._python_step(step))
                continue
            first = len(instructions)
            for call in step.calls:
                words = [self._word(a, moving, len(instructions), n) for n, a in enumerate(call.arguments)]
                instructions.append(Instruction(compiled(call.kernel), words, call.tasks, call.grain))
                self._owners.append(i)
            last = self._segments[-1] if self._segments else None
            if isinstance(last, tuple):
                self._segments[-1] = (last[0], len(instructions))
            elif len(instructions) > first:
                self._segments.append((first, len(instructions)))
        self._program = Program(instructions, self._fault)
        places = {home: [self._program.starts[i] + n for i, n in where] for home, where in moving.items()}
        self._feeds = [(h, places.get(h, [])) for h in self._homes.feeds]
        self._variables = [(h, places.get(h, [])) for h in self._homes.variables.values()]

    def _word(self, argument: Argument, moving: dict[Home, list[tuple[int, int]]], call: int, position: int) -> int:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, Scratch):
            return self._scratch[id(argument)]
        home = self._homes.variables[argument] if isinstance(argument, Variable) else self._homes.of(argument)
        assert home.kind != "boxed", argument
        if home.kind in ("feed", "variable"):
            moving.setdefault(home, []).append((call, position))
        return home.address

    def _python_step(self, step: Step) -> Callable[[list[Any]], None]:
        """The op's own `forward`, on what the homes hold."""
        op = step.node.op
        readers = [self._reader(i) for i in step.node.inputs]
        if isinstance(op, AssignVariable):
            home = self._homes.variables[op.variable]

            def assign(values: list[Any]) -> None:
                np.copyto(values[home.slot], readers[0](values))

            return assign
        if isinstance(op, AssignRows):
            changed = self._homes.variables[op.variable]

            def assign_rows(values: list[Any]) -> None:
                values[changed.slot][readers[0](values)] = readers[1](values)

            return assign_rows
        forward = op.forward  # type: ignore[attr-defined]
        outputs = [self._homes.of(o) for o in step.node.outputs]

        def run(values: list[Any]) -> None:
            result = forward(*[read(values) for read in readers])
            results = result if isinstance(result, tuple) else (result,)
            for home, value in zip(outputs, results, strict=True):
                if home.array is None:
                    # A view would show what later steps write to the memory that it looks at.
                    values[home.slot] = value if _owns_its_numbers(value) else np.array(value)
                else:
                    np.copyto(home.array, value)

        return run

    def _reader(self, tensor: Tensor, copied: bool = False) -> Callable[[list[Any]], Any]:
        """Gets the array of a tensor; `copied`: one that later runs leave alone."""
        home, slot = self._homes.of(tensor), self._homes.of(tensor).slot
        shape = tuple(size or 0 for size in tensor.shape)
        if home.array is not None:
            view = home.array.reshape(shape)
            return (lambda values: view.copy()) if copied and home.kind == "arena" else (lambda values: view)
        if home.shape == shape or not tensor.shape.is_fully_defined():
            return lambda values: values[slot]
        return lambda values: values[slot].reshape(shape)

    # running it

    def run(self, feeds: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The fetched arrays. `feeds` are in the order of the graph's inputs."""
        with self._lock:
            values = self._start(feeds)
            for segment in self._segments:
                if isinstance(segment, tuple):
                    self._run(*segment, values)
                else:
                    segment(values)
            return [np.asarray(read(values)) for read in self._fetches]

    def _run(self, first: int, stop: int, values: list[Any]) -> None:
        reached = self._program.run(first, stop)
        if reached < stop:
            self._explain(reached, values)

    def _explain(self, instruction: int, values: list[Any]) -> NoReturn:
        """Raise what the op itself says of the inputs in which its kernel found a fault."""
        node = self.steps[self._owners[instruction]].node
        node.op.forward(*[self._reader(i)(values) for i in node.inputs])  # type: ignore[attr-defined]
        raise AssertionError(f"a kernel found a fault that {node.op.name} does not know")

    def _start(self, feeds: Sequence[np.ndarray]) -> list[Any]:
        """Tell the kernels where feeds and variables are."""
        assert len(feeds) == len(self._feeds), f"{len(feeds)} arrays for {len(self._feeds)} inputs"
        values: list[Any] = [None] * self._homes.slots
        for (home, places), given in zip(self._feeds, feeds, strict=True):
            array = given if given.flags.c_contiguous else np.ascontiguousarray(given)
            values[home.slot] = array
            self._tell(places, array)
        for home, places in self._variables:
            changed = home.variable.array is not home.array_held  # type: ignore[union-attr]
            if changed or (home.written and _references(home) > _OWN_REFERENCES):
                self._tell(places, _moved(home))
            values[home.slot] = home.array_held
        return values

    def _tell(self, places: Sequence[int], array: np.ndarray) -> None:
        """Put the array's address among the kernels' arguments."""
        if places:
            address, words = address_of(array), self._program.arguments
            for place in places:
                words[place] = address

    def measure(self, feeds: Sequence[np.ndarray]) -> Measured:
        """Run once with a look at the clock after each kernel."""
        with self._lock:
            started = time.perf_counter()
            values = self._start(feeds)
            ready = time.perf_counter()
            spans: dict[int, tuple[float, float]] = {}
            python = iter([i for i, step in enumerate(self.steps) if not step.native])
            for segment in self._segments:
                begun = time.perf_counter()
                if isinstance(segment, tuple):
                    reached, spent = self._program.measure(*segment)
                    if reached < segment[1]:
                        self._explain(reached, values)
                    ends = (begun + np.cumsum(spent)).tolist()
                    for call, span in zip(range(*segment), pairwise([begun, *ends]), strict=True):
                        i = self._owners[call]
                        spans[i] = (spans[i][0] if i in spans else span[0], span[1])
                else:
                    segment(values)
                    spans[next(python)] = (begun, time.perf_counter())
            computed = time.perf_counter()
            for read in self._fetches:
                read(values)
            ended = time.perf_counter()
        besides = {"inputs": (started, ready), "results": (computed, ended)}
        nodes = [self.steps[i].node for i in spans]
        return Measured(nodes, list(spans.values()), (started, ended), self.arena_bytes, besides)


def _owns_its_numbers(value: Any) -> bool:
    return not isinstance(value, np.ndarray) or value.flags.owndata


def _references(home: Home) -> int:
    """How many references there are to the array of a home's variable."""
    array = home.variable.array  # type: ignore[union-attr]
    return sys.getrefcount(array)


def _own_references() -> int:
    """How many of them are ours: those to the array of a variable that nobody else knows."""
    home = Home("variable", TensorSpec(Shape((1,)), as_dtype("float32")), 0)
    home.variable = Variable(np.zeros(1, np.float32))
    home.array_held = home.variable.array = np.zeros(1, np.float32)
    return _references(home)


_OWN_REFERENCES = _own_references()


def _moved(home: Home) -> np.ndarray:
    """The variable's array for kernels to use: one that they may write is made afresh."""
    array = home.variable.array  # type: ignore[union-attr]
    fit = array.flags.c_contiguous and array.flags.aligned and array.dtype == home.dtype
    if home.written or not fit:
        fresh = aligned(array.shape, home.dtype)
        fresh[...] = array
        array = home.variable.array = fresh  # type: ignore[union-attr]
    home.array_held = array
    return array
