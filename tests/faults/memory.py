"""A machine with too little memory: the run ends with one message that says what to shrink, and goes on where there is
more."""

import random
from pathlib import Path

from machine import SPEC, Machine, Outcome, Tally

MIB = 1 << 20
WIDE = SPEC.replace("units: 8", "units: 20000").replace("epochs: 4", "epochs: 2")
"""A step's values take some MiB, as do weights and optimizer."""
REMEDIES = ("batch_size", "fewer weights", "allow more")
OPENBLAS = "OpenBLAS error: Memory allocation still failed"
"""numpy's matrix library ends the process itself where it gets no memory of its own. The run still goes on later."""


def shortages(folder: Path, times: int, seed: int) -> Tally:
    """Of addresses (`ulimit -v`), seeded numbers of MiB more than the program itself has."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder, WIDE) as machine:
        outcome = machine.whole()
        for number in range(times):
            more = round(4 * 150 ** draw.random())
            tally.count(_problem(machine, f"short-{number}", outcome, more * MIB), f"{more} MiB more")
            machine.clear(f"short-{number}")
    return tally


def _problem(machine: Machine, logdir: str, outcome: Outcome, more: int) -> str | None:
    job = machine.train(logdir, addresses=more)
    code, text = job.wait(), job.text
    if code not in (0, 1) or "Traceback" in text:
        return f"code {code}: {text[-600:]}"
    told = text.count("error:") == 1 and "memory" in text and any(word in text for word in REMEDIES)
    if code == 1 and not told and OPENBLAS not in text:
        return f"the message: {text[-600:]}"
    return machine.finish(logdir, outcome)
