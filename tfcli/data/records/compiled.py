"""The kernels as Python or as machine code, whichever is sooner done.

Loading LLVM takes some 50 ms, the Python functions read three megabytes a second.
"""

import functools
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from tfcli.crc import TABLES
from tfcli.data.records import kernels
from tfcli.engine.kernels.jit import available
from tfcli.engine.kernels.loops import compiled_loops

WORTH_COMPILING = 2**18
"""Bytes from which on compiled kernels are used."""

FLAT_TABLES = list(chain.from_iterable(TABLES))


class Kernels(NamedTuple):
    """The functions of `kernels`, and the checksum's tables in the form that goes with them."""

    run: Any
    tables: Any


_PLAIN = Kernels(kernels, FLAT_TABLES)


def kernels_for(size: int) -> Kernels:
    """What to read `size` bytes with."""
    return _compiled() if size >= WORTH_COMPILING and available() else _PLAIN


@functools.cache
def _compiled() -> Kernels:
    from tfcli.engine.kernels.target import host

    instructed = crc_by_instruction(host().features.split(","))
    return Kernels(
        compiled_loops(kernels.KERNELS, {"crc": instructed} if instructed else {}), np.array(FLAT_TABLES, np.int64)
    )


_INSTRUCTIONS = {
    "+crc32": ("i64", "llvm.x86.sse42.crc32.64.64", "i8", "llvm.x86.sse42.crc32.32.8"),
    "+crc": ("i32", "llvm.aarch64.crc32cx", "i32", "llvm.aarch64.crc32cb"),
}
"""By what a processor offers: the type and the instruction that take eight bytes, those that take one."""


def crc_by_instruction(features: list[str]) -> str | None:
    """`crc` in LLVM's language for a processor that computes CRC-32C itself; None for another."""
    offered = next((of for feature, of in _INSTRUCTIONS.items() if feature in features), None)
    if offered is None:
        return None
    word, eight, byte, one = offered
    widen, narrow = ("zext i32 %{0} to i64", "trunc i64 %{0} to i32") if word == "i64" else ("add i32 0, %{0}",) * 2
    return f"""
declare {word} @{eight}({word}, i64)
declare i32 @{one}(i32, {byte})
define internal i64 @crc(ptr %data, i64 %data.len, i64 %place, i64 %end, ptr %tables, i64 %tables.len) {{
entry:
  br label %words
words:
  %at = phi i64 [ %place, %entry ], [ %next, %take ]
  %value = phi i32 [ -1, %entry ], [ %narrow, %take ]
  %next = add i64 %at, 8
  %fits = icmp sle i64 %next, %end
  br i1 %fits, label %take, label %bytes
take:
  %address = getelementptr i8, ptr %data, i64 %at
  %word = load i64, ptr %address, align 1
  %wide = {widen.format("value")}
  %taken = call {word} @{eight}({word} %wide, i64 %word)
  %narrow = {narrow.format("taken")}
  br label %words
bytes:
  %at1 = phi i64 [ %at, %words ], [ %next1, %take1 ]
  %value1 = phi i32 [ %value, %words ], [ %taken1, %take1 ]
  %more = icmp slt i64 %at1, %end
  br i1 %more, label %take1, label %done
take1:
  %address1 = getelementptr i8, ptr %data, i64 %at1
  %byte = load i8, ptr %address1
  %own = {"zext i8 %byte to i32" if byte == "i32" else "add i8 0, %byte"}
  %taken1 = call i32 @{one}(i32 %value1, {byte} %own)
  %next1 = add i64 %at1, 1
  br label %bytes
done:
  %final = xor i32 %value1, -1
  %result = zext i32 %final to i64
  ret i64 %result
}}"""
