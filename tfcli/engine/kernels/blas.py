"""Which kernels OpenBLAS, numpy's matrix library, takes; to be chosen before numpy is imported."""

import os
import sys
from pathlib import Path

_AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}
_CPUINFO = Path("/proc/cpuinfo")


def choose_blas_kernels() -> None:
    """Make OpenBLAS use AVX-512 where the CPU has it: left alone, it takes its AVX2 kernels on many such CPUs.

    A choice of the user's own (`OPENBLAS_CORETYPE`) stays. Does nothing once numpy is there.
    """
    if "numpy" not in sys.modules and "OPENBLAS_CORETYPE" not in os.environ and has_avx512(read_cpuinfo()):
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"


def read_cpuinfo() -> str:
    """What Linux says of the first core; empty elsewhere."""
    try:
        with _CPUINFO.open(errors="replace") as file:
            return file.read(8192).split("\n\n", 1)[0]
    except OSError:
        return ""


def has_avx512(cpuinfo: str) -> bool:
    """Whether the flags in `cpuinfo` (the text of /proc/cpuinfo) include all that OpenBLAS's SkylakeX kernels need."""
    for line in cpuinfo.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return set(flags.split()) >= _AVX512
    return False
