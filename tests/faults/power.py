"""The power fails: what was not synced may be lost, torn or there, and renames that were not may not have been."""

import base64
import json
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from machine import Machine, Outcome, Tally

from tfcli.errors import CheckpointError
from tfcli.logging.checkpoints import Checkpoints
from tfcli.logging.run_directory import RunDirectory

RESUMED_EVERY = 250
"""A resumption takes as long as thousands of looks at the files."""


@dataclass(eq=False)
class File:
    """Bytes as written, and as they were when last synced."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


@dataclass(eq=False)
class Folder:
    """Entries as they are, as they were when last synced, and the changes since."""

    entries: dict[str, Any] = field(default_factory=dict)
    synced: dict[str, Any] = field(default_factory=dict)
    changes: list[tuple[str | None, str | None, Any]] = field(default_factory=list)
    """(name that goes, name that comes, what it names)."""

    def change(self, gone: str | None, come: str | None, node: Any) -> None:
        self.changes.append((gone, come, node))
        _apply(self.entries, (gone, come, node))

    def sync(self) -> None:
        self.synced, self.changes = dict(self.entries), []


def _apply(entries: dict[str, Any], change: tuple[str | None, str | None, Any]) -> None:
    gone, come, node = change
    if gone is not None:
        entries.pop(gone, None)
    if come is not None:
        entries[come] = node


class Disk:
    """Does what a log of operations says, below `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.top = root, Folder()
        self.saved: list[str] = []
        """Checkpoints that were acknowledged."""

    def _find(self, path: str) -> tuple[Folder, str]:
        *way, name = Path(path).relative_to(self.root).parts
        folder = self.top
        for part in way:
            folder = folder.entries[part]
        return folder, name

    def _node(self, path: str) -> Any:
        if Path(path) == self.root:
            return self.top
        folder, name = self._find(path)
        return folder.entries[name]

    def do(self, operation: str, path: str, data: str, more: str | None) -> None:
        if Path(path).name == ".lock":
            return  # the kernel's lock is what counts; what the file says is for people
        if operation == "saved":
            self.saved.append(path)
        elif operation == "sync":
            node = self._node(path)
            if isinstance(node, Folder):
                node.sync()
            else:
                node.synced = bytes(node.data)
        elif operation == "write":
            self._node(path).data += base64.b64decode(data)
        elif operation == "truncate":
            del self._node(path).data[int(more or 0) :]
        else:
            self._change_entry(operation, path, more)

    def _change_entry(self, operation: str, path: str, more: str | None) -> None:
        folder, name = self._find(path)
        if operation == "append" and name in folder.entries:
            return
        if operation in ("create", "append"):
            folder.change(None, name, File())
        elif operation == "make_directory":
            if name not in folder.entries:
                folder.change(None, name, Folder())
        elif operation in ("unlink", "remove_directory"):
            folder.change(name, None, None)
        else:
            assert operation == "replace", operation
            assert more is not None
            folder.change(name, Path(more).name, folder.entries[name])

    def after_power_cut(self, place: Path, draw: Random) -> None:
        """Write to `place` what the disk may hold when the power comes back."""
        mode = draw.choice(("nothing", "prefix", "some", "all"))
        self._write(self.top, place, draw, mode)

    def _write(self, folder: Folder, place: Path, draw: Random, mode: str) -> None:
        place.mkdir(exist_ok=True)
        entries = dict(folder.synced)
        kept = draw.randrange(len(folder.changes) + 1)
        for number, change in enumerate(folder.changes):
            is_kept = {"nothing": False, "all": True, "prefix": number < kept, "some": draw.random() < 0.5}[mode]
            if is_kept:
                _apply(entries, change)
        for name, node in entries.items():
            if isinstance(node, Folder):
                self._write(node, place / name, draw, mode)
            else:
                (place / name).write_bytes(_torn(node, draw))


def _torn(file: File, draw: Random) -> bytes:
    """What is left of a file: as synced, as written, or something between."""
    data = bytes(file.data)
    if data == file.synced:
        return data
    size = draw.randrange(len(data) + 1)
    return draw.choice((file.synced, data, data[:size], data[:size] + bytes(len(data) - size)))


def cuts(folder: Path, times: int, seed: int) -> Tally:
    """The power fails at seeded places of a run's log of operations, in seeded ways: half of the times in a run that
    nothing else disturbs, half in one that was killed before and goes on."""
    draw, tally = Random(seed), Tally()
    with Machine(folder) as machine:
        outcome = machine.whole()
        calm = _log(machine, "calm")
        assert machine.train("killed", log=str(folder / "killed.jsonl"), stop=len(calm) // 2).wait() == -signal.SIGKILL
        killed = [*logged(folder / "killed.jsonl"), *_log(machine, "killed", resume=True)]
        for logdir, events, part in (("calm", calm, times - times // 2), ("killed", killed, times // 2)):
            _cut(machine, outcome, logdir, events, part, draw, tally)
    return tally


def _log(machine: Machine, logdir: str, resume: bool = False) -> list[list[Any]]:
    """The operations of a run to its end."""
    log = machine.folder / f"{logdir}-to-its-end.jsonl"
    job = (machine.resume if resume else machine.train)(logdir, log=str(log))
    assert job.wait() == 0, job.text
    return logged(log)


def logged(log: Path) -> list[list[Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def _cut(machine: Machine, outcome: Outcome, logdir: str, events: list, times: int, draw: Random, tally: Tally) -> None:
    places = sorted(draw.randrange(len(events) + 1) for _ in range(times))
    resumed = set(draw.sample(range(times), min(times, max(2, times // RESUMED_EVERY))))
    disk, done = Disk(machine.folder), 0
    for number, place in enumerate(places):
        while done < place:
            disk.do(*events[done])
            done += 1
        after = machine.folder / f"cut-{number}"
        disk.after_power_cut(after, draw)
        problem = what_is_lost(after / logdir, disk.saved)
        if problem is None and number in resumed and (after / logdir).is_dir():
            problem = machine.finish(f"{after.name}/{logdir}", outcome)
        tally.count(problem, f"{logdir}: power cut after operation {place}")
        shutil.rmtree(after)


def what_is_lost(logdir: Path, saved: list[str]) -> str | None:
    """What of the acknowledged checkpoints is not there: the last of them, or a later one, must load."""
    if not saved:
        return None
    *_, name, run_id, _, last = Path(saved[-1]).parts
    run = RunDirectory(logdir / name / run_id)
    try:
        checkpoint = Checkpoints(run.path / "checkpoints").load("last")
        run.metrics()
        run.status()
    except CheckpointError as error:
        return str(error)
    acknowledged = [Path(path).name for path in saved]
    if checkpoint.name in acknowledged[:-1]:
        return f"{last} was acknowledged, {checkpoint.name} is loaded"
    return None if run.spec_path.is_file() else "the spec is lost"
