"""All faults by name: what tries them, how often in the short version that tests run, and how often in the long one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import damage
import disks
import interrupting
import kills
import memory
import numbers_gone_bad
import power
from machine import Tally


@dataclass(frozen=True)
class Fault:
    """`run(folder, times, seed)` tries it; `short` and `long` are the two numbers of times."""

    title: str
    run: Callable[[Path, int, int], Tally]
    short: int
    long: int


FAULTS = {
    "moments": Fault("SIGKILL at a seeded moment, then resumed", kills.at_moments, 3, 200),
    "operations": Fault("SIGKILL at each operation on the disk, then resumed", kills.at_operations, 5, 1_000),
    "strace": Fault("SIGKILL injected into system calls by strace, then resumed", kills.by_strace, 2, 35),
    "resuming": Fault("SIGKILL in a run and twice while resuming", kills.while_resuming, 2, 50),
    "histories": Fault("SIGKILL again and again: one value a tag and step", kills.histories, 4, 50),
    "power": Fault("power cut, what was not synced lost or torn", power.cuts, 150, 10_000),
    "flips": Fault("a bit flipped in a checkpoint", damage.flips, 40, 1_000),
    "truncations": Fault("a file of a checkpoint cut", damage.truncations, 4, 100),
    "damaged": Fault("resumed although the last checkpoint is damaged", damage.resumptions, 1, 25),
    "refusals": Fault("full, read-only, over quota, EIO from an operation on", disks.refusals, 4, 1_000),
    "small-disk": Fault("a tmpfs of some KiB, then more", disks.small_disk, 1, 20),
    "read-only": Fault("a read-only file system", disks.read_only, 1, 1),
    "memory": Fault("some MiB of memory, then more", memory.shortages, 2, 100),
    "signals": Fault("SIGINT or SIGTERM at a seeded moment", interrupting.interruptions, 3, 60),
    "two-signals": Fault("a second SIGINT at a seeded moment after the first", interrupting.twice, 3, 60),
    "owners": Fault("simultaneous starts of one run", interrupting.owners, 8, 100),
    "numbers": Fault("NaN or infinity at a seeded step", numbers_gone_bad.explosions, 5, 100),
}
