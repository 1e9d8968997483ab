"""Disks that refuse: full, over quota, read-only, broken. One message, exit code 1, and nothing lost that was said."""

import os
import random
import subprocess
from pathlib import Path

from machine import Machine, Outcome, Tally, spread
from power import logged, what_is_lost

REASONS = {
    "ENOSPC": "the disk is full",
    "EDQUOT": "quota is used up",
    "EROFS": "read-only",
    "EIO": "input/output error",
}
OPERATIONS = {
    "every change": None,
    "sync": ["sync"],
    "write": ["write"],
}


def refusals(folder: Path, times: int, seed: int) -> Tally:
    """From the n-th operation on the disk refuses, for seeded n and each reason; what was called saved is there, and
    when there is room the run resumes."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number, fail in enumerate(spread(outcome.operations, times)):
            reason = draw.choice(sorted(REASONS))
            faults = {"fail": fail, "errno": reason, "lasting": number % 3 != 0}
            tally.count(_problem(machine, f"refused-{number}", outcome, reason, faults), f"{reason} from {fail} on")
            machine.clear(f"refused-{number}")
        for number in range(max(2, times // 10)):
            fail = draw.randrange(80)
            faults = {"fail": fail, "errno": "EIO", "only": ["sync"], "lasting": False}
            tally.count(_problem(machine, f"sync-{number}", outcome, "EIO", faults), f"EIO at sync {fail}")
            machine.clear(f"sync-{number}")
    return tally


def _problem(machine: Machine, logdir: str, outcome: Outcome, reason: str, faults: dict) -> str | None:
    log = machine.folder / f"{logdir}.jsonl"
    job = machine.train(logdir, log=str(log), **faults)
    code, text = job.wait(), job.text
    saved = [path for operation, path, *_ in logged(log) if operation == "saved"]
    lost = what_is_lost(machine.folder / logdir, saved)
    if lost is not None:
        return lost
    if code == 0 and not faults["lasting"]:
        return machine.finish(logdir, outcome)  # what failed once was only the removal of something superfluous
    if code != 1 or text.count("error:") != 1 or "Traceback" in text or REASONS[reason] not in text:
        return f"code {code}: {text[-400:]}"
    return machine.finish(logdir, outcome)


def small_disk(folder: Path, times: int, seed: int) -> Tally:
    """A real file system of some KiB (tmpfs) on which the run finds no room, until there is more."""
    tally = Tally()
    mounted = folder / "tmpfs"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], capture_output=True).returncode:
        tally.remark = "mounting is not permitted here; errors are injected instead"
        return tally
    try:
        with Machine(folder) as machine:
            outcome = machine.whole()
            for number in range(times):
                size = 24 + 12 * number
                subprocess.run(["mount", "-o", f"remount,size={size}k", mounted], check=True)
                job = machine.train(f"tmpfs/{number}")
                code = job.wait()
                problem = None if code in (0, 1) and "Traceback" not in job.text else f"code {code}: {job.text}"
                if code == 1 and "the disk is full" not in job.text:
                    problem = job.text
                subprocess.run(["mount", "-o", "remount,size=8m", mounted], check=True)
                tally.count(problem or machine.finish(f"tmpfs/{number}", outcome), f"{size} KiB")
                machine.clear(f"tmpfs/{number}")
    finally:
        subprocess.run(["umount", "-l", mounted], check=False)
    return tally


def read_only(folder: Path, times: int, seed: int) -> Tally:
    """A logs directory in which nothing may be written."""
    tally = Tally()
    mounted = folder / "readonly"
    mounted.mkdir()
    is_mounted = (
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", mounted], capture_output=True).returncode == 0
    )
    if not is_mounted:
        if os.geteuid() == 0:
            tally.remark = "mounting is not permitted here, and root may write anywhere"
            return tally
        mounted.chmod(0o500)
    try:
        with Machine(folder) as machine:
            job = machine.train("readonly/runs")
            code = job.wait()
            right = code == 1 and job.text.count("error:") == 1 and "--logdir" in job.text
            tally.count(None if right else f"code {code}: {job.text}", "a read-only folder")
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", mounted], check=False)
    return tally
