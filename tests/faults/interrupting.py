"""SIGINT and SIGTERM: a checkpoint, the right exit code, no child left; and a lock that has one owner."""

import os
import random
import signal
import time
from pathlib import Path

from machine import SPEC, Machine, Tally

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LONGEST = 5.0
"""Seconds of processor time from the signal to the end: other work on the machine does not count."""


def interruptions(folder: Path, times: int, seed: int) -> Tally:
    """One signal at a seeded moment: within five seconds the process has saved and gone."""
    return _interrupted(folder, times, seed, second=False)


def twice(folder: Path, times: int, seed: int) -> Tally:
    """A second SIGINT at any moment after the first."""
    return _interrupted(folder, times, seed, second=True)


def _interrupted(folder: Path, times: int, seed: int, second: bool) -> Tally:
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number in range(times):
            logdir, kind = f"signal-{number}", draw.choice(sorted(CODES))
            job = machine.train(logdir)
            time.sleep(draw.uniform(0.0, outcome.seconds))
            before = job.seconds_so_far()
            job.kill(kind)
            if second:
                time.sleep(draw.uniform(0.0, 0.1))
                job.kill(signal.SIGINT)
            code = job.wait()
            took = job.seconds - before
            tally.count(_problem(code, kind, second, took, job.text), f"signal {kind.name}")
            left = _children_of(job.pid)
            lost = machine.finish(logdir, outcome)
            if left or lost:
                tally.lost.append(f"children {left}" if left else str(lost))
            machine.clear(logdir)
    return tally


def _problem(code: int, kind: signal.Signals, second: bool, took: float, text: str) -> str | None:
    if took > LONGEST:
        return f"took {took:.1f} s"
    allowed = {0, CODES[kind], 130} if second else {0, CODES[kind]}
    # While Python is still starting, the signal does what signals do.
    allowed |= {-kind, -signal.SIGINT} if not text else set()
    return None if code in allowed and "Traceback" not in text else f"code {code}: {text[-400:]}"


def _children_of(pid: int) -> list[str]:
    """Processes of the group or parent `pid` that are still there."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(entry)
    return found


def owners(folder: Path, times: int, seed: int) -> Tally:
    """`times` processes resume one run at the same moment: one trains, the others say who does."""
    tally = Tally()
    with Machine(folder, SPEC.replace("epochs: 4", "epochs: 400").replace("patience: 5", "patience: 900")) as machine:
        machine.train("owned", stop=150).wait()
        jobs = [machine.resume("owned") for _ in range(times)]
        waited = [job for job in jobs if _ends(job)]
        winners = [job for job in jobs if job not in waited]
        for job in winners:
            job.kill()
        codes = [job.wait() for job in jobs]
        for job, code in zip(jobs, codes, strict=True):
            if job in winners:
                tally.count(None)
                continue
            told = any(f"in use by process {winner.pid}" in job.text for winner in winners)
            tally.count(None if code == 1 and told else f"code {code}: {job.text}", "a loser")
        if len(winners) != 1:
            tally.lost.append(f"{len(winners)} processes trained at once")
        again = machine.resume("owned", stop=60)
        tally.count(None if again.wait() == -9 else f"the lock of a killed process stayed: {again.text}")
    return tally


def _ends(job) -> bool:  # type: ignore[no-untyped-def]
    """Whether the process has been refused, and not begun to train."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if "in use by" in job.text:
            return True
        if _is_training(job):
            return False
        time.sleep(0.02)
    return False


def _is_training(job) -> bool:  # type: ignore[no-untyped-def]
    lock = next(job.machine.folder.glob("owned/small/*/.lock"))
    return lock.read_text().strip() == str(job.pid)
