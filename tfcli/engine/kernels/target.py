"""What this machine's processor offers to generated code."""

import functools
import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A processor: `lanes` float32 fit a vector register, of which there are `registers`; `bfloat16`: whether it
    multiplies pairs of these.
    """

    name: str
    features: str
    lanes: int
    registers: int
    bfloat16: bool = False


@functools.cache
def host() -> Target:
    """This machine's. Needs llvmlite."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    lanes, registers = _vectors(features)
    return Target(
        llvm.get_host_cpu_name(), features.flatten(), lanes, registers, lanes == 16 and bool(features.get("avx512bf16"))
    )


def _vectors(features: dict[str, bool]) -> tuple[int, int]:
    """Lanes and number of registers."""
    if all(features.get(name) for name in ("avx512f", "avx512vl", "avx512bw", "avx512dq")):
        return 16, 32
    if features.get("avx2") and features.get("fma"):
        return 8, 16
    if platform.machine().lower() in ("arm64", "aarch64"):
        return 4, 32
    return 4, 16


def thread_count() -> int:
    """How many threads compute: `TFCLI_NUM_THREADS`, or one for each processor this process may use."""
    given = os.environ.get("TFCLI_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
