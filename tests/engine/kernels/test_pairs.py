"""Products of bfloat16 numbers in pairs: by the processor's instruction, or where it has none with the pairs taken
apart; and the instruction in the code for processors that have it.
"""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import llvmlite.binding as llvm
from kernel_harness import LANES, _Calls, run_lowered

import tfcli.engine.kernels.convolution  # noqa: F401
from tfcli.engine.graph.ir import Graph
from tfcli.engine.kernels.products import matmul
from tfcli.engine.kernels.target import Target
from tfcli.engine.ops.conv import Conv, ConvInputGrad
from tfcli.engine.ops.linalg import Einsum, Matmul
from tfcli.engine.precision import round_to_bfloat16
from tfcli.engine.tensor import Tensor

random = np.random.default_rng(5)


def narrow(*shape: int) -> np.ndarray:
    return round_to_bfloat16(random.standard_normal(shape).astype(np.float32))


def assert_exact(op, *inputs, lanes):
    (got,) = run_lowered(op, *inputs, lanes=lanes, bfloat16=True)
    expected = op.forward(*(x.astype(np.float64) for x in inputs))
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("sizes", [(16, 2, 2), (17, 6, 33), (64, 130, 31), (100, 64, 65), (33, 7, 40), (200, 600, 257)])
def test_products_of_pairs_are_those_of_numbers(sizes, lanes):
    rows, inner, columns = sizes
    a, b = narrow(rows, inner), narrow(inner, columns)
    for turned_a in (False, True):
        for turned_b in (False, True):
            left, right = a.T.copy() if turned_a else a, b.T.copy() if turned_b else b
            assert_exact(Matmul(turned_a, turned_b), left, right, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
def test_heads_of_attention_are_multiplied_in_pairs(lanes):
    q, k = narrow(2, 18, 3, 8), narrow(2, 20, 3, 8)
    assert_exact(Einsum("aqhd,akhd->ahqk"), q, k, lanes=lanes)
    assert_exact(Einsum("ahqk,akhd->aqhd"), narrow(2, 3, 18, 20), k, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
def test_channels_of_convolutions_are_multiplied_in_pairs(lanes):
    x, kernel = narrow(2, 18, 17, 4), narrow(3, 3, 4, 18)
    op = Conv((1, 1), "same", (1, 1))
    assert_exact(op, x, kernel, lanes=lanes)
    assert_exact(ConvInputGrad((1, 1), "same", (1, 1)), narrow(2, 18, 17, 18), kernel, x, lanes=lanes)


class _ForBfloat16(_Calls):
    """An emitter for a processor that has the instruction, which need not be this one."""

    def __init__(self) -> None:
        super().__init__(16, True)
        self.target = Target("sapphirerapids", "+avx512bf16", 16, 32, True)


def test_pairs_are_multiplied_by_their_instruction():
    node = Graph().add(Matmul(), (Tensor(narrow(64, 64)), Tensor(narrow(64, 64))))
    emit = _ForBfloat16()
    assert matmul(node, emit)
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this LLVM cannot write code for x86-64")
    machine = target.create_target_machine(cpu="sapphirerapids", features="+avx512bf16", opt=3)
    modules = [llvm.parse_assembly(kernel.text()) for kernel, *_ in emit.calls]
    for module in modules:
        module.verify()
    assert any("vdpbf16ps" in machine.emit_assembly(module) for module in modules)
