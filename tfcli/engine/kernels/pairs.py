"""Pairs of bfloat16 numbers in words of 32 bits, which AVX-512 BF16 multiplies at twice the rate of float32.

A bfloat16 number is a float32 number whose last 16 bits are zero, so that a word takes two of them: the first in its
lower half. `vdpbf16ps` adds both products of two pairs to a float32; it takes numbers below 1e-38 for zero.
"""

from tfcli.engine.kernels.code import Code, Value, lanes_of, vector
from tfcli.engine.kernels.target import Target

_UPPER = -0x10000
"""The bits of the second number of a pair."""


def how_multiplied(target: Target) -> str:
    """`dot`: by an instruction of its own; `fma`: by taking the pair apart."""
    return "dot" if target.lanes == 16 and "+avx512bf16" in target.features else "fma"


def paired(code: Code, first: Value, second: Value) -> Value:
    """Words of two float32 numbers, or vectors of them, that are bfloat16 numbers."""
    low, high = (code.convert(x, "bitcast", "i32") for x in (first, second))
    return (low >> 16) | (high & _UPPER)


def dot(code: Code, x: Value, y: Value, total: Value, how: str) -> Value:
    """`total`, float32, and the products of both numbers of the pairs x and y."""
    if how == "dot":
        pairs = vector(2 * lanes_of(x.kind), "bfloat")
        x, y = (code.value(pairs, f"bitcast {word.kind} {word.name} to {pairs}") for word in (x, y))
        return code.call(total.kind, "llvm.x86.avx512bf16.dpbf16ps.512", total, x, y)
    for part in (lambda word: word & _UPPER, lambda word: word << 16):
        left, right = (code.convert(part(word), "bitcast", "float") for word in (x, y))
        total = code.fma(left, right, total)
    return total
