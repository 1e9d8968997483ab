"""Uniform random numbers, bit for bit those of numpy's Generator(Philox(counter, key)).

A block of four 64-bit words is a pure function of the key and of the block's number, so that tasks draw their parts
without waiting for each other. Philox4x64 with ten rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", 2011.
"""

import functools
from math import prod
from typing import Any

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import Code, Value
from tfcli.engine.kernels.lowering import Emitter, lowers
from tfcli.engine.kernels.vectors import floating, shape_of
from tfcli.engine.ops.random import WORD, RandomUniform

_ROUNDS = 10
_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
"""What the two words of the key grow by from round to round."""
_BLOCKS = 256
"""Of a task."""


def _signed(word: int) -> int:
    """The 64 bits of a word as a signed integer."""
    word %= WORD
    return word - WORD if word >> 63 else word


@lowers(RandomUniform)
def random_uniform(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    counter, y = node.inputs[0], node.outputs[0]
    element, count = floating(y.dtype), prod(shape_of(y))
    if element is None or counter.dtype.name != "int64" or not count:
        return False
    wide = len(counter.shape) == 1
    words = [_signed(word) for word in (op.seed, op.stream, op.op_seed)]
    blocks = -(-count // (8 if element == "float" else 4))
    emit(uniform_kernel(element, wide), [counter, y, count, *words, blocks], -(-blocks // _BLOCKS))
    return True


@functools.cache
def uniform_kernel(element: str, wide: bool) -> Code:
    """Arguments: counter (two words where `wide`, else one), y, how many numbers, the key's two words, the second word
    of Philox's counter, blocks.
    """
    code = Code("random_uniform")
    counter, y = code.argument(0), code.argument(1)
    count, seed, stream, op_seed, blocks = (code.argument(i, "i64") for i in range(2, 7))
    low = code.load(counter, "i64")
    high = code.load(code.at(counter, 1, "i64"), "i64") if wide else code.constant("i64", 0)
    entries = 8 if element == "float" else 4
    with code.tasks() as task:
        first = task * _BLOCKS
        with code.loop(first, code.minimum(first + _BLOCKS, blocks)) as block:
            words = _block(code, [block + 1, op_seed, high, low], [seed, stream])
            numbers = _numbers(code, words, element)
            left, address = count - block * entries, code.at(y, block * entries, element)
            with code.when(left >= entries):
                code.store(numbers, address)
            with code.when(left < entries):
                code.store_masked(numbers, address, code.first_lanes(left, entries))
    return code


def _block(code: Code, counter: list[Value], key: list[Value]) -> list[Value]:
    """The four words of a block."""
    for round_ in range(_ROUNDS):
        if round_:
            key = [word + _signed(step) for word, step in zip(key, _STEPS, strict=True)]
        (high0, low0), (high1, low1) = (
            _product(code, counter[i], multiplier) for i, multiplier in zip((0, 2), _MULTIPLIERS, strict=True)
        )
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0]
    return counter


def _product(code: Code, word: Value, multiplier: int) -> tuple[Value, Value]:
    """The upper and lower half of the 128-bit product."""
    product = code.convert(word, "zext", "i128") * multiplier
    return code.convert(product >> 64, "trunc", "i64"), code.convert(product, "trunc", "i64")


def _numbers(code: Code, words: list[Value], element: str) -> Value:
    """The upper 24 bits of each half word, the lower half first, or the upper 53 of each word, as numbers below 1."""
    joined = Value(code, "<4 x i64>", "poison")
    for i, word in enumerate(words):
        joined = code.value(joined.kind, f"insertelement {joined.kind} {joined.name}, i64 {word.name}, i32 {i}")
    if element == "double":
        return code.convert(joined >> 11, "sitofp", "double") * 2.0**-53
    halves = code.value("<8 x i32>", f"bitcast {joined.kind} {joined.name} to <8 x i32>")
    return code.convert(halves >> 8, "sitofp", "float") * 2.0**-24
