"""Register tiles, epilogues, and how a contraction is cut into tasks."""

import ctypes
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import LANES

from tfcli.engine.graph.ir import Graph
from tfcli.engine.kernels import convolution, products
from tfcli.engine.kernels.code import Code, Value
from tfcli.engine.kernels.jit import compiled
from tfcli.engine.kernels.lowering import Lowering, Scratch
from tfcli.engine.kernels.target import Target
from tfcli.engine.kernels.tiles import choose_tile, split
from tfcli.engine.op import Op
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad
from tfcli.engine.ops.linalg import Matmul
from tfcli.engine.tensor import Tensor

random = np.random.default_rng(11)


def normal(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


@given(st.integers(1, 500), st.integers(1, 14))
def test_pieces_are_as_few_and_equal_as_can_be(count, most):
    pieces = split(count, most)
    assert pieces.pieces == -(-count // most)
    assert pieces.tall * pieces.size + (pieces.pieces - pieces.tall) * (pieces.size - 1) == count


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([(4, 32), (8, 16), (16, 32)]))
def test_a_tile_covers_the_columns_and_fits_the_registers(rows, columns, target):
    lanes, registers = target
    tile = choose_tile(rows, columns, lanes, registers)
    assert (tile.panels * tile.vectors + tile.tail) * lanes - columns in range(lanes)
    assert tile.rows.size * tile.vectors + tile.vectors + 1 <= registers


class Alone:
    """Runs each call at once on the arrays behind the tensors, task by task, the last first."""

    def __init__(self, lanes: int, arrays: dict[int, np.ndarray], backwards: bool = False) -> None:
        self.target, self.arrays = Target("test", "", lanes, 16 if lanes == 8 else 32), arrays
        self.backwards = backwards

    def fault(self) -> int:
        raise AssertionError("products find no faults")

    def in_bfloat16(self, *tensors: Any) -> bool:
        return False

    def _word(self, argument: Any) -> int:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, Scratch) and id(argument) not in self.arrays:
            self.arrays[id(argument)] = np.empty(argument.size, np.uint8)
        return self.arrays[id(argument)].ctypes.data

    def __call__(self, kernel: Code, arguments: Any, tasks: int, grain: int = 1) -> None:
        words = np.array([self._word(argument) for argument in arguments], np.int64)
        run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(compiled(kernel))
        if self.backwards:
            for task in reversed(range(tasks)):
                run(words.ctypes.data, task, task + 1)
        else:
            run(words.ctypes.data, 0, tasks)


def results(lowering: Lowering, op: Op, inputs: tuple[np.ndarray, ...], lanes: int, backwards: bool) -> np.ndarray:
    node = Graph().add(op, tuple(Tensor(x) for x in inputs))
    result = np.full([int(size) for size in node.outputs[0].shape], np.nan, inputs[0].dtype)
    operands = zip((*node.inputs, *node.outputs), (*inputs, result), strict=True)
    assert lowering(node, Alone(lanes, {id(tensor): array for tensor, array in operands}, backwards))
    return result


CONV = Conv((1, 1), "same", (1, 1))
CASES = [
    (products.matmul, Matmul(), (normal(50, 1100), normal(1100, 70))),
    (products.matmul, Matmul(True, True), (normal(300, 200), normal(90, 300))),
    (convolution.conv, CONV, (normal(20, 9, 9, 16), normal(3, 3, 16, 32))),
    (
        convolution.conv_input_grad,
        CONV.sibling(ConvInputGrad),
        (normal(20, 9, 9, 32), normal(3, 3, 16, 32), normal(20, 9, 9, 16)),
    ),
    (
        convolution.conv_kernel_grad,
        CONV.sibling(ConvKernelGrad),
        (normal(20, 9, 9, 16), normal(20, 9, 9, 32), normal(3, 3, 16, 32)),
    ),
]


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("lowering", "op", "inputs"), CASES)
def test_results_do_not_depend_on_the_order_of_tasks(lowering, op, inputs, lanes):
    forwards, backwards = (results(lowering, op, inputs, lanes, order) for order in (False, True))
    np.testing.assert_array_equal(forwards, backwards)


class BiasAndCopy:
    """An epilogue: adds a bias, stores the sum elsewhere, and doubles it."""

    key = "bias and copy"

    def __init__(self, *arguments: Any, period: int = 0) -> None:
        self.arguments, self.period = arguments, period

    def beside(self, columns: int) -> "BiasAndCopy":
        assert columns == self.period
        return self

    def begin(self, code: Code, first: int) -> tuple[Value, Value]:
        return code.argument(first), code.argument(first + 1)

    def finish(self, begun: Any, place: Any, value: Value) -> Value:
        bias, copy = begun
        value = value + place.load(bias, place.column)
        place.store(value, copy, place.offset)
        return value + value


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("sizes", [(7, 5, 3), (130, 1100, 130), (13, 9, 64)])
def test_an_epilogue_sees_each_result_once(sizes, lanes):
    rows, inner, columns = sizes
    a, b, bias = normal(rows, inner), normal(inner, columns), normal(columns)
    result, copy = (np.full((rows, columns), np.nan, np.float32) for _ in range(2))
    tensors = [Tensor(x) for x in (a, b, bias, copy)]
    node = Graph().add(Matmul(), tuple(tensors[:2]))
    operands = zip((*node.inputs, *tensors[2:], *node.outputs), (a, b, bias, copy, result), strict=True)
    emit = Alone(lanes, {id(tensor): array for tensor, array in operands})
    products.matmul(node, emit, BiasAndCopy(*tensors[2:], period=columns))
    np.testing.assert_allclose(copy, a @ b + bias, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(result, copy + copy)


def test_grouped_convolutions_decline_an_epilogue():
    node = Graph().add(Conv((1,), "valid", (1,), 2), (Tensor(normal(2, 5, 4)), Tensor(normal(3, 2, 6))))
    assert not convolution.conv(node, Alone(8, {}), BiasAndCopy())
