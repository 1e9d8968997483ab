"""Checkpoints that were changed behind our back: every change must be noticed, named, and survived."""

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from machine import SPEC, Machine, Tally

from tfcli.logging.checkpoints import MANIFEST, STATE, Checkpoints

WIDE = SPEC.replace("units: 8", "units: 2000")
"""A model whose files have many times 4 KiB."""


def flips(folder: Path, times: int, seed: int) -> Tally:
    """A bit of a byte flipped: in the manifest, in the headers of the arrays, in `times` bytes of what they hold.

    A flip in what the manifest says beside the files (metrics, sequence) changes no file, and may load; the checkpoint
    is then the one that was saved.
    """
    draw, tally = random.Random(seed), Tally()
    checkpoints, last, before = _saved(folder)
    expected = checkpoints.load("last")
    places: list[tuple[Path, int]] = [(last / MANIFEST, i) for i in range((last / MANIFEST).stat().st_size)]
    payload: list[tuple[Path, int]] = [(last / STATE, i) for i in range((last / STATE).stat().st_size)]
    for file in sorted(last.glob("*.safetensors")):
        size = file.stat().st_size
        header = 8 + struct.unpack("<Q", file.read_bytes()[:8])[0]
        places += [(file, i) for i in range(header)]
        payload += [(file, i) for i in range(header, size)]
    if times < 1000:
        places = draw.sample(places, min(times, len(places)))
    for file, place in [*places, *draw.choices(payload, k=times)]:
        content = file.read_bytes()
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        found = checkpoints.load("last")
        same = found.name == last.name and found.state == expected.state and not found.warnings
        problem = None if same and file.name == MANIFEST else _unnoticed(found, before, file)
        tally.count(problem, f"byte {place} of {file.name}")
        file.write_bytes(content)
    return tally


def truncations(folder: Path, times: int, seed: int) -> Tally:
    """Each file cut at every 4 KiB, and at every byte of its first and last few."""
    tally = Tally()
    checkpoints, last, before = _saved(folder, WIDE)
    for file in sorted(last.iterdir()):
        content = file.read_bytes()
        for size in _sizes(len(content), times):
            file.write_bytes(content[:size])
            tally.count(_unnoticed(checkpoints.load("last"), before, file), f"{file.name} cut to {size} bytes")
        file.write_bytes(content)
    return tally


def resumptions(folder: Path, times: int, seed: int) -> Tally:
    """A run whose last checkpoint is damaged goes on from the one before, says so, and ends as if nothing had been."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        for number in range(times):
            logdir = f"damaged-{number}"
            machine.train(logdir, stop=draw.randrange(200, outcome.operations - 60)).wait()
            checkpoints = machine.run(logdir).checkpoints()
            last = checkpoints.directory / str(checkpoints.last)
            file = draw.choice(sorted(last.iterdir()))
            file.write_bytes(file.read_bytes()[:-3])
            job = machine.start("train", "--resume", "small", "--logdir", logdir)
            code = job.wait()
            said = last.name in job.text and file.name in job.text
            problem = None if code == 0 and said else f"code {code}: {job.text[-500:]}"
            tally.count(problem or outcome.difference(machine.run(logdir)), f"{file.name} of {last.name}")
    return tally


def _saved(folder: Path, spec: str = SPEC) -> tuple[Checkpoints, Path, str]:
    """The checkpoints of a finished run, the directory of the last, the name of the one before."""
    with Machine(folder, spec) as machine:
        machine.whole()
        checkpoints = machine.run("whole").checkpoints()
        names = checkpoints.names()
    index = json.loads((checkpoints.directory / "index.json").read_text())
    return checkpoints, checkpoints.directory / index["last"], names[-2]


def _unnoticed(found, before: str, file: Path) -> str | None:  # type: ignore[no-untyped-def]
    if found.name != before:
        return f"{found.name} was loaded, not {before}"
    return None if any(file.name in warning for warning in found.warnings) else f"not named: {found.warnings}"


def _sizes(size: int, ends: int) -> Iterator[int]:
    yield from sorted({*range(0, size, 4096), *range(min(ends, size)), *range(max(0, size - ends), size)})
