"""What a run ran on: enough to say later why two runs differ."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TFCLI_NUM_THREADS",
    "OPENBLAS_CORETYPE",
)


def describe_environment(
    command: Sequence[str],
    seed: int,
    fingerprints: Mapping[str, str],
    folder: Path | None = None,
) -> dict[str, Any]:
    """Command, versions, CPU, threads, git commit of `folder` (the spec's), seed and data fingerprints, for JSON."""
    import tfcli

    return {
        "command": list(command),
        "directory": os.getcwd(),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seed": seed,
        "data": dict(fingerprints),
        "versions": {
            "tfcli": getattr(tfcli, "__version__", None),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "python": sys.executable,
        "platform": platform.platform(),
        "host": platform.node(),
        "cpu": describe_cpu(),
        "threads": _threads(),
        "blas": _describe_blas(),
        "variables": {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ},
        "git": describe_git(folder or Path.cwd()),
    }


def describe_cpu() -> dict[str, Any]:
    """The CPU's model, its number of instruction set features, its cores, and how many of them this process may use."""
    known = _proc_cpuinfo()
    flags = known.get("flags", known.get("Features", "")).split()
    return {
        "model": known.get("model name") or platform.processor() or platform.machine(),
        "features": len(flags),
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
    }


def _threads() -> int:
    """How many threads products of matrices run on: what BLAS was told, else the CPUs it may use."""
    for name in ("TFCLI_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        told = os.environ.get(name, "")
        if told.isdecimal() and int(told) > 0:
            return int(told)
    return _usable_cores()


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _proc_cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(errors="replace").split("\n\n", 1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _describe_blas() -> str:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def describe_git(folder: Path) -> dict[str, Any] | None:
    """The commit `folder` is at, and whether tracked files differ from it; None where git has no answer."""
    # A file system monitor named in the folder's configuration is a program: it is not run.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), "status", "--porcelain=v2", "--branch"]
    options = ["--untracked-files=no", "--ignore-submodules=all"]
    try:
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=5,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    lines = done.stdout.splitlines()
    commit = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}
