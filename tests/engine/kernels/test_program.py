"""Programs of kernel calls: every task is done once, whichever thread does it."""

import os
from itertools import pairwise

import numpy as np
import pytest

from tfcli.engine.kernels.code import Code
from tfcli.engine.kernels.jit import compiled
from tfcli.engine.kernels.program import Instruction, Program


def counting() -> int:
    """A kernel that adds one to the entry of each task."""
    code = Code("counting")
    array = code.argument(0)
    with code.tasks() as task:
        place = code.at(array, task, "i64")
        code.store(code.load(place, "i64") + 1, place)
    return compiled(code)


@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 7, 64, 1000])
def test_every_task_is_done_once(tasks):
    array = np.zeros(tasks + 1, np.int64)
    program = Program([Instruction(counting(), [array.ctypes.data], tasks)] * 5)
    for _ in range(200):
        program.run(0, 5)
    np.testing.assert_array_equal(array, [1000] * tasks + [0])


def test_instructions_run_one_after_the_other():
    code = Code("doubling")
    source, target = code.argument(0), code.argument(1)
    with code.tasks() as task:
        code.store(code.load(code.at(source, task, "i64"), "i64") * 2, code.at(target, task, "i64"))
    arrays = np.ones((11, 500), np.int64)
    addresses = [a.ctypes.data for a in arrays]
    program = Program([Instruction(compiled(code), pair, 500) for pair in pairwise(addresses)])
    for _ in range(100):
        arrays[1:] = 0
        program.run(0, 10)
        assert (arrays[10] == 1024).all()


def test_arguments_can_be_changed_between_runs():
    first, second = np.zeros(3, np.int64), np.zeros(3, np.int64)
    program = Program([Instruction(counting(), [first.ctypes.data], 3)])
    program.run(0, 1)
    program.arguments[program.starts[0]] = second.ctypes.data
    program.run(0, 1)
    assert first.tolist() == second.tolist() == [1, 1, 1]


def test_nothing_runs_after_a_fault():
    code = Code("faulty")
    code.store(code.constant("i64", 1), code.argument(0))
    array, fault = np.zeros(3, np.int64), np.zeros(1, np.int64)
    adding = Instruction(counting(), [array.ctypes.data], 3)
    program = Program([adding, Instruction(compiled(code), [fault.ctypes.data], 1), adding], fault)
    assert program.run(0, 3) == 1
    assert array.tolist() == [1, 1, 1]
    assert program.run(2, 3) == 3
    assert array.tolist() == [2, 2, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_computes_too():
    array = np.zeros(100, np.int64)
    Program([Instruction(counting(), [array.ctypes.data], 100)]).run(0, 1)
    child = os.fork()
    if child == 0:
        Program([Instruction(counting(), [array.ctypes.data], 100)]).run(0, 1)
        os._exit(0 if array.tolist() == [2] * 100 else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("faulty_at", [None, 1])
def test_measuring_runs_the_instructions_and_tells_what_each_took(faulty_at):
    code = Code("setting")
    code.store(code.constant("i64", 1), code.argument(0))
    array, fault = np.zeros(100, np.int64), np.zeros(1, np.int64)
    instructions = [Instruction(counting(), [array.ctypes.data], 100)] * 3
    if faulty_at is not None:
        instructions[faulty_at] = Instruction(compiled(code), [fault.ctypes.data], 1)
    reached, seconds = Program(instructions, fault).measure(0, 3)
    assert reached == (3 if faulty_at is None else faulty_at)
    assert len(seconds) == reached
    assert (seconds >= 0).all()
    assert array.tolist() == [reached] * 100
