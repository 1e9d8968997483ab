#!/usr/bin/env python3
"""Kill a study's processes at random until it is done all the same, and look whether a trial was lost or done twice.

    python scripts/torture_tune.py [--trials 200] [--workers 4] [--seed 0]

The study is killed with SIGKILL, its workers one at a time and the process that leads it, and resumed each time it is
gone. At the end its leaderboard is compared with that of the same study left alone in one process. Prints a table in
Markdown; exits with 1 where something is wrong. Linux alone: it finds the workers in /proc.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = """\
seed: 1
data: {source: {type: bundled, name: iris}, split: {validation: 0.2}, pipeline: [{type: batch, batch_size: 40}]}
model: {layers: [{type: dense, name: h, units: 4}, {type: dense, units: 3}]}
loss: {type: sparse_categorical_crossentropy, from_logits: true}
optimizer: {type: sgd, learning_rate: 0.1}
train: {epochs: 4, tensorboard: null}
tune:
  sampler: random
  trials: 1000
  space:
    optimizer.learning_rate: {low: 0.001, high: 1.0, log: true}
    model.layers.h.units: {low: 2, high: 16}
"""
PAUSES = (0.5, 2.5)
"""Between two kills, in times that a trial takes alone: on a busy machine, where a second is little, they come as often
among its trials."""
LEADER_SHARE = 0.1
"""Of the kills, those of the leading process."""
SLOWEST_END = 5.0
"""Seconds that a worker may outlive its leader."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "exp.yaml"
        spec.write_text(SPEC)
        started = time.monotonic()
        alone = study_of(Path(folder) / "alone", [str(spec), "--trials", str(options.trials)])
        undisturbed = time.monotonic() - started
        pauses = tuple(times * undisturbed / options.trials for times in PAUSES)
        torture = Torture(Path(folder) / "killed", spec, options.trials, options.workers, options.seed, pauses)
        torture.run()
        return report(torture, rows(torture.study), rows(alone), undisturbed)


def tune(logdir: Path, words: list[str]) -> subprocess.Popen:
    command = [sys.executable, "-m", "tfcli", "tune", *words, "--logdir", str(logdir), "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def study_of(logdir: Path, words: list[str]) -> Path:
    process = tune(logdir, words)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    (study,) = logdir.glob("exp/*")
    return study


class Torture:
    """A study that is killed again and again, and what was counted meanwhile."""

    def __init__(
        self, logdir: Path, spec: Path, trials: int, workers: int, seed: int, pauses: tuple[float, ...]
    ) -> None:
        """`pauses`: the least and the most seconds between two kills."""
        self.pauses = pauses
        self.logdir, self.workers, self.random = logdir, str(workers), random.Random(seed)
        self.first = [str(spec), "--trials", str(trials), "--workers", self.workers]
        self.leaders_killed = self.workers_killed = self.orphans = 0
        self.slowest_end = self.seconds = 0.0

    @property
    def study(self) -> Path | None:
        found = [path for path in self.logdir.glob("exp/*") if (path / "study.json").is_file()]
        return found[0] if found else None

    def run(self) -> None:
        started = time.monotonic()
        while not self._leg():
            pass
        self.seconds = time.monotonic() - started

    def _leg(self) -> bool:
        """One life of the leading process; whether it came to the end of the study."""
        words = ["--resume", str(self.study), "--workers", self.workers] if self.study else self.first
        leader = tune(self.logdir, words)
        while True:
            time.sleep(self.random.uniform(*self.pauses))
            if leader.poll() is not None:
                assert leader.returncode == 0, leader.stderr.read().decode()
                return True
            workers = children(leader.pid)
            if self.study and self.random.random() < LEADER_SHARE:
                leader.kill()
                leader.wait()
                self.leaders_killed += 1
                self._watch_end(workers)
                return False
            victim = self.random.randrange(int(self.workers))  # each is hit as often when there are few of them left
            if victim < len(workers):
                os.kill(workers[victim], signal.SIGKILL)
                self.workers_killed += 1

    def _watch_end(self, workers: list[int]) -> None:
        started = time.monotonic()
        while any(is_worker(pid) for pid in workers) and time.monotonic() - started < SLOWEST_END:
            time.sleep(0.01)
        self.slowest_end = max(self.slowest_end, time.monotonic() - started)
        self.orphans += sum(is_worker(pid) for pid in workers)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def is_worker(pid: int) -> bool:
    try:
        return b"tfcli.tuning.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def rows(study: Path | None) -> list[dict[str, str]]:
    assert study is not None
    with open(study / "leaderboard.csv") as file:
        return [{key: value for key, value in row.items() if key != "duration"} for row in csv.DictReader(file)]


def report(torture: Torture, found: list[dict[str, str]], expected: list[dict[str, str]], undisturbed: float) -> int:
    numbers = [row["trial"] for row in found]
    lost = len({row["trial"] for row in expected} - set(numbers))
    twice = len(numbers) - len(set(numbers))
    stuck = sum(row["state"] != "done" for row in found)
    lines = {
        "trials": len(expected),
        "workers": torture.workers,
        "workers killed": torture.workers_killed,
        "leaders killed and resumed": torture.leaders_killed,
        "trials lost": lost,
        "trials twice": twice,
        "trials stuck or failed": stuck,
        "leaderboard equal to the undisturbed one": "yes" if found == expected else "no",
        "orphans": torture.orphans,
        "a worker's longest life after its leader": f"{torture.slowest_end:.2f} s",
        "seconds, killed": f"{torture.seconds:.0f}",
        "seconds, alone in one process": f"{undisturbed:.0f}",
    }
    print("| | |\n|---|---|")
    for name, value in lines.items():
        print(f"| {name} | {value} |")
    return int(bool(lost or twice or stuck or torture.orphans or found != expected))


if __name__ == "__main__":
    sys.exit(main())
