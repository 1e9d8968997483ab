"""Processes that end at once: by SIGKILL, at any moment, at any operation on the disk, and while going on after it."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from machine import SPEC, Machine, Tally, spread

STRACED = ("fsync", "rename", "unlink", "unlinkat", "rmdir", "mkdir", "write")


def at_moments(folder: Path, times: int, seed: int) -> Tally:
    """SIGKILL at seeded moments of a run."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number in range(times):
            moment = draw.uniform(0.0, 1.1 * outcome.seconds)
            job = machine.train(f"moment-{number}")
            job.kill_after(moment)
            job.wait()
            tally.count(machine.finish(f"moment-{number}", outcome), f"killed after {moment:.3f} s")
            machine.clear(f"moment-{number}")
    return tally


def at_operations(folder: Path, times: int, seed: int) -> Tally:
    """SIGKILL at the n-th write, sync, rename, removal … of a run, for each n there is (or `times` of them)."""
    tally = Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for stop in spread(outcome.operations, times):
            killed = machine.train(f"stop-{stop}", stop=stop).wait() == -signal.SIGKILL
            problem = machine.finish(f"stop-{stop}", outcome) if killed else "it ended before"
            tally.count(problem, f"killed at operation {stop}")
            machine.clear(f"stop-{stop}")
    return tally


def while_resuming(folder: Path, times: int, seed: int) -> Tally:
    """SIGKILL in a run, in its resumption, and in the resumption of that, each at a seeded operation."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number in range(times):
            logdir = f"deep-{number}"
            stops = [draw.randrange(60, outcome.operations), draw.randrange(120), draw.randrange(120)]
            machine.train(logdir, stop=stops[0]).wait()
            for stop in stops[1:]:
                machine.resume(logdir, stop=stop).wait()
            tally.count(machine.finish(logdir, outcome), f"killed at operations {stops}")
            machine.clear(logdir)
    return tally


def by_strace(folder: Path, times: int, seed: int) -> Tally:
    """SIGKILL at the n-th system call of each kind, injected by strace into the real program."""
    draw, tally = random.Random(seed), Tally()
    if shutil.which("strace") is None:
        tally.remark = "strace is not installed"
        return tally
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number in range(times):
            call, which = STRACED[number % len(STRACED)], draw.randrange(1, 12)
            logdir = f"strace-{number}"
            inject = f"inject={call}:signal=SIGKILL:when={which}"
            words = [sys.executable, "-m", "tfcli", "train", "small.yaml", "--quiet", "--logdir", logdir]
            subprocess.run(
                ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, *words],
                cwd=folder,
                capture_output=True,
                timeout=300,
            )
            tally.count(machine.finish(logdir, outcome), f"killed at {call} {which}")
            machine.clear(logdir)
    return tally


def histories(folder: Path, times: int, seed: int) -> Tally:
    """One run killed and resumed again and again: event files and metrics.jsonl have one value a tag and step."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder, SPEC.replace("epochs: 4", "epochs: 60").replace("patience: 5", "patience: 90")) as machine:
        machine.train("killed", stop=draw.randrange(100, 200)).wait()
        for _ in range(times):
            if machine.run("killed").status().get("state") == "done":
                break
            machine.resume("killed", stop=draw.randrange(20, 160)).wait()
            tally.tried += 1
        if machine.run("killed").status().get("state") != "done":
            job = machine.resume("killed")
            tally.count(None if job.wait() == 0 else job.text, "resumed at last")
        run = machine.run("killed")
        epochs = [row["epoch"] for row in run.metrics()]
        if epochs != list(range(1, 61)):
            tally.lost.append(f"metrics.jsonl has the epochs {epochs}")
        for part, steps in (("train", 60), ("validation", 60), ("train/batches", 360)):
            tally.lost += _unlike(run.path / part, steps)
    return tally


def _unlike(directory: Path, wanted: int) -> list[str]:
    """What TensorBoard's own reader finds there besides one value for each of the steps 1 … `wanted`."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory), size_guidance={"scalars": 0})
    events.Reload()
    problems = []
    for tag in events.Tags()["scalars"]:
        steps = [event.step for event in events.Scalars(tag)]
        if steps != list(range(1, wanted + 1)):
            problems.append(f"{directory.name} {tag} has the steps {steps}")
    return problems if events.Tags()["scalars"] else [f"{directory.name} has no values"]
