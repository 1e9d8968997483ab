"""Runs one op by its lowering, with vectors of a given number of lanes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Graph
from tfcli.engine.kernels.jit import compiled
from tfcli.engine.kernels.lowering import LOWERINGS, Scratch
from tfcli.engine.kernels.program import Instruction, Program
from tfcli.engine.kernels.target import Target, host
from tfcli.engine.op import Op
from tfcli.engine.tensor import Tensor

LANES = (4, 8, 16)
_GUARD = 64
"""Bytes after each array that nobody may write."""


class _Calls:
    """An emitter that keeps what it is given."""

    def __init__(self, lanes: int, bfloat16: bool = False) -> None:
        features = host().features if bfloat16 and host().lanes == lanes else ""
        self.target = Target("test", features, lanes, 16 if lanes == 8 else 32, bfloat16)
        self.calls: list[tuple[Any, Sequence[Any], int, int]] = []
        self.faults = np.zeros(1, np.int64)

    def in_bfloat16(self, *tensors: Tensor) -> bool:
        return self.target.bfloat16

    def fault(self) -> int:
        return self.faults.ctypes.data

    def __call__(self, kernel: Any, arguments: Sequence[Any], tasks: int, grain: int = 1) -> None:
        if tasks:
            self.calls.append((kernel, arguments, tasks, grain))


class _Memory:
    """Arrays at addresses, filled with a pattern before and guarded behind."""

    def __init__(self) -> None:
        self.buffers: dict[int, np.ndarray] = {}

    def place(self, key: int, size: int) -> np.ndarray:
        if key not in self.buffers:
            self.buffers[key] = np.full(size + _GUARD, 0xAB, np.uint8)
        return self.buffers[key]

    def check(self, sizes: dict[int, int]) -> None:
        for key, size in sizes.items():
            assert (self.buffers[key][size:] == 0xAB).all(), "a kernel wrote behind an array"


def run_lowered(op: Op, *inputs: np.ndarray, lanes: int, bfloat16: bool = False) -> tuple[np.ndarray, ...]:
    """The op's outputs by kernels; `bfloat16`: those for inputs that bfloat16 holds. Fails where the lowering
    declines.
    """
    return _run(op, inputs, lanes, bfloat16)[0]


def faults_of(op: Op, *inputs: np.ndarray, lanes: int) -> bool:
    """Whether the kernels find the inputs wrong."""
    return _run(op, inputs, lanes)[1]


def _run(
    op: Op, inputs: Sequence[np.ndarray], lanes: int, bfloat16: bool = False
) -> tuple[tuple[np.ndarray, ...], bool]:
    node = Graph().add(op, tuple(Tensor(x) for x in inputs))
    emit = _Calls(lanes, bfloat16)
    assert LOWERINGS[type(op)](node, emit), f"{op} is not lowered"
    memory, sizes = _Memory(), {}
    for tensor, array in zip(node.inputs, inputs, strict=True):
        sizes[id(tensor)] = array.nbytes
        memory.place(id(tensor), array.nbytes)[: array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
    for tensor in node.outputs:
        size = int(np.prod(tensor.shape)) * tensor.dtype.numpy.itemsize
        sizes[id(tensor)] = size
        memory.place(id(tensor), size)

    def word(argument: Any) -> int:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, Scratch):
            sizes[id(argument)] = argument.size
            return memory.place(id(argument), argument.size).ctypes.data
        return memory.buffers[id(argument)].ctypes.data

    instructions = [Instruction(compiled(k), [word(a) for a in words], t, g) for k, words, t, g in emit.calls]
    Program(instructions).run(0, len(instructions))
    memory.check(sizes)
    outputs = tuple(
        memory.buffers[id(t)][: sizes[id(t)]].view(t.dtype.numpy).reshape(tuple(t.shape)).copy() for t in node.outputs
    )
    return outputs, bool(emit.faults[0])


def is_lowered(op: Op, *inputs: np.ndarray, lanes: int = 8) -> bool:
    node = Graph().add(op, tuple(Tensor(x) for x in inputs))
    return LOWERINGS[type(op)](node, _Calls(lanes))


def assert_as_numpy(
    op: Op, *inputs: np.ndarray, lanes: int, tolerance: float = 1e-6, scale: float | None = None
) -> None:
    """The kernels agree with the op's own `forward`, computed in float64, to `tolerance` of the natural scale."""
    with np.errstate(all="ignore"):
        wide = [x.astype(np.float64) if x.dtype == np.float32 else x for x in inputs]
        expected = op.forward(*wide)  # type: ignore[attr-defined]
    expected = expected if isinstance(expected, tuple) else (expected,)
    for got, want in zip(run_lowered(op, *inputs, lanes=lanes), expected, strict=True):
        assert got.shape == want.shape
        finite = np.abs(want[np.isfinite(want)]) if want.dtype.kind == "f" else np.zeros(0)
        natural = scale if scale is not None else float(finite.max()) if finite.size else 1.0
        np.testing.assert_allclose(
            got, want, rtol=tolerance, atol=tolerance * natural, err_msg=f"{op} at {lanes} lanes"
        )
