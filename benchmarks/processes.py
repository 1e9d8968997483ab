"""Measuring a training: a process of its own, its times and its memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

OURS = "tfcli"
Result = TypeVar("Result")


@dataclass
class Run:
    """One process that trained a workload."""

    engine: str
    workload: str
    version: str
    seconds: list[float]
    """Of each epoch."""
    steps: int
    examples: int
    first_epoch_end: float
    """Seconds from the start of the process to the end of the first epoch."""
    whole: float
    """Seconds that the process took."""
    peak_bytes: int
    """Of resident memory."""
    cold: bool
    """Whether nothing had been compiled before (peers compile in every process)."""


class Failed(Exception):
    """A process that ended with an error."""


def apart(function: Callable[..., Result], *arguments: object) -> Result:
    """What the function returns, called in a process of its own.

    The system counts a new process's memory at peak from what its parent had when it was started, so the process that
    measures others has to stay small.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measured(
    command: list[str], environment: dict[str, str], errors: int = subprocess.STDOUT
) -> tuple[str, float, float, int]:
    """What the process wrote, seconds until its first epoch and until itself had ended, peak memory in bytes."""
    started, first, lines = time.perf_counter(), 0.0, []
    # Installed packages have their bytecode; a checkout gets it when it is first run, unless this forbids it.
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        command, env=given | environment, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not first and line.startswith("epoch 1"):
                first = time.perf_counter() - started
            lines.append(line)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - started
    if process.returncode:
        raise Failed("".join(lines[-15:]))
    unit = 1 if sys.platform == "darwin" else 1024
    return "".join(lines), first or whole, whole, usage.ru_maxrss * unit


def train_here(spec: Path, cache: Path, cold: bool, epochs: int) -> Run:
    """`tfcli train`, as anybody runs it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tfcli", "train", str(spec), "--logdir", folder, "--epochs", str(epochs)]
        _, first, whole, peak = measured(command, {"TFCLI_CACHE_DIR": str(cache)})
        (metrics,) = Path(folder).rglob("metrics.jsonl")
        rows = [json.loads(line) for line in metrics.read_text().splitlines()]
    steps = rows[0]["step"]
    examples = round(rows[0]["examples_per_second"] * rows[0]["seconds"])
    seconds = [row["seconds"] for row in rows]
    return Run(OURS, spec.stem, version(), seconds, steps, examples, first, whole, peak, cold)


def flops_of(spec: Path) -> int:
    """Floating point operations of one step of training, from the traced graph."""
    from tfcli.runner.tracing import total_cost, trace_step
    from tfcli.spec.load import load_experiment

    return total_cost(trace_step(load_experiment(spec)).training.graph.nodes).flops


def version() -> str:
    import llvmlite
    import numpy as np

    import tfcli

    return f"tfcli {tfcli.__version__}, numpy {np.__version__}, llvmlite {llvmlite.__version__}"
