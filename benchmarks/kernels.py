"""How near products, convolutions and poolings come to the limit of the machine.

    python benchmarks/kernels.py [--repetitions 50] [--only conv]

The limit is measured, too: a kernel of nothing but fused multiply-adds on registers. Times are the least of the
repetitions. TFCLI_NUM_THREADS sets the number of threads.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfcli.engine.graph.ir import Graph
from tfcli.engine.kernels.code import Code, vector
from tfcli.engine.kernels.jit import compiled
from tfcli.engine.kernels.plan import NativePlan
from tfcli.engine.kernels.program import Instruction, Program
from tfcli.engine.kernels.target import host, thread_count
from tfcli.engine.op import Op
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad
from tfcli.engine.ops.linalg import Einsum, Matmul
from tfcli.engine.ops.pool import AveragePool, AveragePoolGrad, MaxPool, MaxPoolGrad
from tfcli.engine.tensor import Tensor

Array = np.ndarray
random = np.random.default_rng(0)

PRODUCTS = [
    # rows, inner, columns
    (32, 64, 10),
    (1, 784, 128),
    (32, 784, 128),
    (768, 128, 512),
    (768, 512, 128),
    (4096, 512, 2048),
    (4096, 2048, 512),
    (1000, 1000, 1000),
]
ATTENTION = [(12, 128, 8, 64), (32, 256, 4, 32)]
"""Batch, length, heads, width of a head."""
CONVOLUTIONS = [
    # images, size, channels, filters, taps, stride, padding
    (128, 28, 1, 32, 3, 1, "valid"),
    (128, 13, 32, 64, 3, 1, "valid"),
    (64, 32, 3, 16, 3, 1, "same"),
    (64, 32, 16, 16, 3, 1, "same"),
    (64, 32, 16, 32, 3, 2, "same"),
    (64, 16, 32, 32, 3, 1, "same"),
    (64, 8, 64, 64, 3, 1, "same"),
    (64, 32, 16, 32, 1, 2, "same"),
]
DEPTHWISE = (32, 16, 64, 3)
"""Images, size, channels, taps."""
POOLINGS = [(128, 26, 32, 2), (128, 11, 64, 2)]
"""Images, size, channels, taps."""


class Case(NamedTuple):
    name: str
    op: Op
    inputs: tuple[Array, ...]
    work: int
    """Floating point operations."""


def normal(*shape: int) -> Array:
    return random.standard_normal(shape, dtype=np.float32)


def products() -> Iterator[Case]:
    for rows, inner, columns in PRODUCTS:
        a, b, g = normal(rows, inner), normal(inner, columns), normal(rows, columns)
        name, work = f"product ({rows}, {inner}) ({inner}, {columns})", 2 * rows * inner * columns
        yield Case(name, Matmul(), (a, b), work)
        yield Case("  its gradient in the left factor", Matmul(False, True), (g, b), work)
        yield Case("  its gradient in the right factor", Matmul(True, False), (a, g), work)


def attention() -> Iterator[Case]:
    for batch, length, heads, width in ATTENTION:
        x, weights = normal(batch, length, heads, width), normal(batch, heads, length, length)
        name, work = f"attention {x.shape}", 2 * weights.size * width
        yield Case(f"{name}, scores", Einsum("aqhd,akhd->ahqk"), (x, x), work)
        yield Case(f"{name}, values", Einsum("ahqk,akhd->aqhd"), (weights, x), work)


def convolutions() -> Iterator[Case]:
    for images, size, channels, filters, taps, stride, padding in CONVOLUTIONS:
        x, kernel = normal(images, size, size, channels), normal(taps, taps, channels, filters)
        name = f"conv {images}x{size}x{size}x{channels} -> {filters}, {taps}x{taps}, stride {stride}, {padding}"
        yield from convolution(name, Conv((stride, stride), padding, (1, 1)), x, kernel)
    images, size, channels, taps = DEPTHWISE
    x, kernel = normal(images, size, size, channels), normal(taps, taps, 1, channels)
    name = f"depthwise conv {images}x{size}x{size}x{channels}, {taps}x{taps}"
    yield from convolution(name, Conv((1, 1), "same", (1, 1), channels), x, kernel)


def convolution(name: str, op: Conv, x: Array, kernel: Array) -> Iterator[Case]:
    g = normal(*op.forward(x, kernel).shape)
    work = 2 * g.size * kernel[..., 0].size
    yield Case(name, op, (x, kernel), work)
    yield Case("  its gradient in the input", op.sibling(ConvInputGrad), (g, kernel, x), work)
    yield Case("  its gradient in the kernel", op.sibling(ConvKernelGrad), (x, g, kernel), work)


def poolings() -> Iterator[Case]:
    for images, size, channels, taps in POOLINGS:
        x, name = normal(images, size, size, channels), f"{images}x{size}x{size}x{channels}, {taps}x{taps}"
        maximum, mean = (kind((taps, taps), (taps, taps)) for kind in (MaxPool, AveragePool))
        y = maximum.forward(x)
        work = y.size * taps * taps
        yield Case(f"max pooling {name}", maximum, (x,), work)
        yield Case("  its gradient", maximum.sibling(MaxPoolGrad), (y, x, y), work)
        yield Case(f"average pooling {name}", mean, (x,), work)
        yield Case("  its gradient", mean.sibling(AveragePoolGrad), (y, x), work)


FAMILIES: dict[str, Callable[[], Iterator[Case]]] = {
    "product": products,
    "attention": attention,
    "conv": convolutions,
    "pool": poolings,
}


def peak(repetitions: int) -> float:
    """Operations a second of all threads, multiplying and adding registers only."""
    target, steps, tasks, sums = host(), 20_000, 16, 12
    code, kind = Code("peak"), vector(target.lanes, "float")
    data = code.argument(0)
    with code.tasks() as task:
        # They begin differently: the compiler would make one sum of two that are the same.
        totals = [code.local(kind, code.load(code.at(data, i * target.lanes), kind)) for i in range(sums)]
        factor = code.load(data, kind)
        with code.loop(0, steps):
            for total in totals:
                total.set(code.fma(total.get(), factor, factor))
        result = totals[0].get()
        for total in totals[1:]:
            result = result + total.get()
        code.store(result, code.at(data, (task + sums) * target.lanes))
    array = np.zeros((tasks + sums) * target.lanes, np.float32)
    program = Program([Instruction(compiled(code), [array.ctypes.data], tasks)])
    return 2 * target.lanes * sums * steps * tasks / least(lambda: program.run(0, 1), repetitions)


def least(act: Callable[[], object], repetitions: int) -> float:
    """The shortest time, in seconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return min(times)


def seconds(case: Case, repetitions: int) -> float:
    """The shortest time of the case's kernels, without laying out memory before and copying the result after."""
    graph = Graph()
    inputs = [graph.placeholder(Tensor(x).spec) for x in case.inputs]
    plan = NativePlan(graph, [graph.add(case.op, tuple(inputs)).outputs[0]])
    assert all(step.native for step in plan.steps), f"no kernel for {case.op}"
    plan.run(case.inputs)
    return min(sum(end - begin for begin, end in plan.measure(case.inputs).spans) for _ in range(repetitions))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--only", choices=FAMILIES, help="one family of kernels")
    options = parser.parse_args()
    limit = peak(options.repetitions)
    target = host()
    print(f"{target.name}, {target.lanes} lanes, {thread_count()} threads: at most {limit / 1e9:.0f} GFLOP/s\n")
    print(f"{'':64}{'us':>10}{'GFLOP/s':>10}{'of limit':>10}")
    for name in [options.only] if options.only else FAMILIES:
        for case in FAMILIES[name]():
            spent = seconds(case, options.repetitions)
            rate = case.work / spent
            print(f"{case.name:64}{spent * 1e6:10.1f}{rate / 1e9:10.1f}{rate / limit:10.0%}", flush=True)


if __name__ == "__main__":
    main()
