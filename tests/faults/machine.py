"""Runs of tfcli to do harm to: command lines in processes of their own, and what their runs must come to."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.logging.run_directory import RunDirectory

HERE = Path(__file__).parent
SPEC = """\
name: small
seed: 3
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2, test: 0.2, stratify: true}
  pipeline: [{type: normalization}, {type: shuffle, buffer_size: 40}, {type: batch, batch_size: 16}]
model:
  layers:
    - {type: dense, units: 8, activation: relu}
    - {type: batch_normalization}
    - {type: dropout, rate: 0.3}
    - {type: dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer:
  type: adam
  learning_rate: {type: cosine_decay, initial_learning_rate: 0.05, decay_steps: 30}
metrics: [accuracy]
train:
  epochs: 4
  checkpoint: {every_steps: 2}
  early_stopping: {monitor: val_loss, patience: 5, restore_best_weights: true}
  tensorboard: {update_freq: batch, graph: false}
"""
UNREPRODUCIBLE = ("seconds", "examples_per_second")


@dataclass
class Tally:
    """How often a fault was tried, and each time that something was lost or wrong."""

    tried: int = 0
    lost: list[str] = field(default_factory=list)
    remark: str = ""

    def count(self, problem: str | None, what: object = "") -> None:
        """One more try; `problem` is what went wrong, if anything did."""
        self.tried += 1
        if problem:
            self.lost.append(f"{what}: {problem}")


class Job:
    """A command line at work."""

    def __init__(self, machine: "Machine", pid: int, output: Path) -> None:
        self.machine, self.pid, self.output = machine, pid, output
        self.started = time.monotonic()
        self.seconds = 0.0

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def kill_after(self, seconds: float) -> None:
        time.sleep(max(0.0, self.started + seconds - time.monotonic()))
        self.kill()

    def wait(self) -> int:
        """Its exit code; -9 after a SIGKILL."""
        reply = self.machine.ask(wait=self.pid)
        self.seconds = reply["seconds"]
        return reply["code"]

    def seconds_so_far(self) -> float:
        """The processor time that it has had; after `wait`, `seconds` is all of it."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def text(self) -> str:
        return self.output.read_text(errors="replace") if self.output.exists() else ""


class Machine:
    """Starts command lines in `folder`, where `spec` is small.yaml. A context manager."""

    def __init__(self, folder: Path, spec: str = SPEC) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        (folder / "small.yaml").write_text(spec)

    def __enter__(self) -> "Machine":
        self.zygote = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"},
            text=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        assert self.zygote.stdin is not None
        self.zygote.stdin.close()
        self.zygote.wait(30)

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        print(json.dumps(request), file=self.zygote.stdin, flush=True)
        return json.loads(self.zygote.stdout.readline())

    def start(self, *argv: object, **faults: Any) -> Job:
        output = self.folder / f"output-{next(self._numbers)}.txt"
        words = [str(word) for word in argv]
        reply = self.ask(argv=words, folder=str(self.folder), output=str(output), **faults)
        return Job(self, reply["pid"], output)

    def train(self, logdir: str, **faults: Any) -> Job:
        return self.start("train", "small.yaml", "--quiet", "--logdir", logdir, **faults)

    def resume(self, logdir: str, **faults: Any) -> Job:
        return self.start("train", "--resume", "small", "--quiet", "--logdir", logdir, **faults)

    def whole(self) -> "Outcome":
        """What the undisturbed run comes to, and how many operations on the disk it takes."""
        job = self.train("whole", count=str(self.folder / "count"))
        code = job.wait()
        assert code == 0, job.text
        seconds = time.monotonic() - job.started
        return Outcome.of(self.run("whole"), seconds, int((self.folder / "count").read_text()))

    def clear(self, logdir: str) -> None:
        shutil.rmtree(self.folder / logdir, ignore_errors=True)

    def run(self, logdir: str) -> RunDirectory:
        return RunDirectory.open("small", self.folder / logdir)

    def finish(self, logdir: str, outcome: "Outcome") -> str | None:
        """Resume the run as often as a user would; what is then not as in the undisturbed one."""
        try:
            run = self.run(logdir)
            is_done = run.status().get("state") == "done"
        except ValueError:
            return None if self.train(logdir).wait() == 0 else "it cannot be trained again"  # nothing had begun
        if not is_done:
            job = self.resume(logdir)
            code = job.wait()
            if code == 2 and ("there is no" in job.text or "cannot read" in job.text):
                # Killed before its spec was written: the user starts it anew, and has lost nothing.
                return None if not run.checkpoints().names() else f"not resumed: {job.text}"
            if code == 1 and "spec.yaml" in job.text and not run.checkpoints().names():
                return None
            if code != 0:
                return f"resuming ended with code {code}: {job.text}"
        return outcome.difference(run)


@dataclass
class Outcome:
    """All that must be the same, bit for bit, however often a run was cut off."""

    weights: bytes
    tensors: dict[str, dict[str, np.ndarray]]
    state: dict[str, Any]
    rows: list[dict[str, Any]]
    seconds: float = 0.0
    operations: int = 0

    @classmethod
    def of(cls, run: RunDirectory, seconds: float = 0.0, operations: int = 0) -> "Outcome":
        checkpoint = run.checkpoints().load("last")
        rows = [{k: v for k, v in row.items() if k not in UNREPRODUCIBLE} for row in run.metrics()]
        weights = run.weights_path.read_bytes() if run.weights_path.is_file() else b""
        return cls(weights, checkpoint.tensors, checkpoint.state, rows, seconds, operations)

    def difference(self, run: RunDirectory) -> str | None:
        other = Outcome.of(run)
        if other.rows != self.rows:
            return f"metrics differ: {other.rows} and not {self.rows}"
        if other.state != self.state:
            return f"the state differs: {other.state} and not {self.state}"
        if other.tensors.keys() != self.tensors.keys():
            return f"groups of tensors differ: {[*other.tensors]}"
        for group, arrays in self.tensors.items():
            for name, array in arrays.items():
                if array.tobytes() != other.tensors[group][name].tobytes():
                    return f"{group} {name} differs"
        return None if other.weights == self.weights else "the finished weights differ"


def spread(total: int, wanted: int) -> Sequence[int]:
    """`wanted` of the numbers 0 … total - 1, evenly; all of them where there are not so many."""
    return sorted({i * total // wanted for i in range(wanted)}) if wanted < total else range(total)
