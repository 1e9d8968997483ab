"""A training that goes on and on, looked at from outside: memory, file handles, threads, and what it leaves on disk."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tfcli.logging.listing import list_runs
from tfcli.logging.run_directory import RunDirectory

SPEC = """\
name: soak
seed: 3
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2, stratify: true}
  pipeline: [{type: normalization}, {type: shuffle, buffer_size: 40}, {type: batch, batch_size: 16}]
model:
  layers:
    - {type: dense, units: 8, activation: relu}
    - {type: dropout, rate: 0.3}
    - {type: dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: adam
metrics: [accuracy]
train:
  epochs: 100000000
  checkpoint: {every_steps: 1000, every_epochs: 500}
  tensorboard: {update_freq: batch}
"""
MIB = 1 << 20
WARM = 0.2
"""The part of the time after which all that a run needs is there."""
ALLOWED_MEMORY = 4 * MIB
"""More than at the end of the warm part, which is no growth yet: the heap settles."""


@dataclass(frozen=True)
class Look:
    """What was seen at a time, in seconds from the start."""

    seconds: float
    step: int
    memory: int
    handles: int
    threads: int
    files: int
    disk: int


@dataclass
class Soak:
    """All looks at one training."""

    looks: list[Look] = field(default_factory=list)
    code: int = 0
    output: str = ""

    @classmethod
    def run(cls, folder: Path, seconds: float, looks: int = 40) -> "Soak":
        """Train in `folder` for so long, then stop it with SIGTERM."""
        (folder / "soak.yaml").write_text(SPEC)
        soak = cls()
        words = [sys.executable, "-m", "tfcli", "train", "soak.yaml", "--quiet", "--logdir", "runs"]
        output = folder / "output.txt"
        with output.open("w") as sink, subprocess.Popen(words, cwd=folder, stdout=sink, stderr=sink) as process:
            started = time.monotonic()
            while time.monotonic() - started < seconds and process.poll() is None:
                time.sleep(seconds / looks)
                if (run := _run_in(folder / "runs")) is not None:
                    soak.looks.append(_look(process.pid, run, time.monotonic() - started))
            process.send_signal(signal.SIGTERM)
            soak.code = process.wait(60)
        soak.output = output.read_text()
        return soak

    def problems(self) -> list[str]:
        """What grew after the warm part, and whether the run stopped as it should."""
        if self.code != 128 + signal.SIGTERM:
            return [f"it ended with code {self.code}: {self.output[-500:]}"]
        warm = [look for look in self.looks if look.seconds >= WARM * self.looks[-1].seconds]
        first, rest = warm[0], warm[1:]
        found = []
        if (most := max(look.memory for look in rest)) > first.memory + ALLOWED_MEMORY:
            found.append(f"memory grew from {first.memory / MIB:.1f} to {most / MIB:.1f} MiB")
        for name, spare in (("handles", 4), ("threads", 0), ("files", 8)):
            before, most = getattr(first, name), max(getattr(look, name) for look in rest)
            if most > before + spare:
                found.append(f"{name} grew from {before} to {most}")
        return found

    def table(self) -> str:
        """Ten of the looks, in Markdown."""
        every = max(1, len(self.looks) // 10)
        rows = [
            f"| {look.seconds:,.0f} | {look.step:,} | {look.memory / MIB:.1f} | {look.handles} | {look.threads} | "
            f"{look.files} | {look.disk / MIB:.2f} |"
            for look in self.looks[every - 1 :: every]
        ]
        head = "| seconds | steps | memory, MiB | file handles | threads | files of the run | their size, MiB |"
        return "\n".join([head, "|---:|---:|---:|---:|---:|---:|---:|", *rows])


def _run_in(logdir: Path) -> RunDirectory | None:
    runs = list_runs(logdir) if logdir.is_dir() else []
    return RunDirectory(runs[0].path) if runs else None


def _look(pid: int, run: RunDirectory, seconds: float) -> Look:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    handles = len(os.listdir(f"/proc/{pid}/fd"))
    sizes = [_size(path) for path in run.path.rglob("*")]
    files = [size for size in sizes if size is not None]
    return Look(
        seconds,
        run.status().get("step", 0),
        1024 * int(status["VmRSS"].split()[0]),
        handles,
        int(status["Threads"]),
        len(files),
        sum(files),
    )


def _size(path: Path) -> int | None:
    """Of a file; None of what is none, or has gone since."""
    try:
        return path.stat().st_size if path.is_file() else None
    except FileNotFoundError:
        return None
