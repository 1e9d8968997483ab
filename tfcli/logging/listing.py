"""Finding runs in a logs directory by reading their small files alone, so that thousands are quick to list."""

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError, UnknownRunError
from tfcli.logging.run_directory import RunDirectory, read_object

_MARKS = ("status.json", "spec.yaml", "study.json")
_DEEPEST = 4


@dataclass
class RunInfo:
    """One run as a list shows it; `state` is `interrupted` where the process died without saying so."""

    path: Path
    name: str
    id: str
    state: str
    status: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    is_study: bool = False
    problem: str | None = None
    """What is wrong with its files, where they cannot be read."""


def list_runs(logdir: Path, trials: bool = False) -> list[RunInfo]:
    """The runs below `logdir`, the oldest first; with `trials`, those of studies as well.

    Raises UnknownRunError where there is no such directory.
    """
    logdir = Path(logdir)
    if not logdir.is_dir():
        raise UnknownRunError(f"there is no logs directory {logdir}; name it with --logdir, or train something first")
    return _listed(logdir, trials)


def find_run(name: str, logdir: Path) -> Path:
    """The directory of the run that `name` means.

    A path; or in `logdir` NAME/ID, an ID or its start or end, or NAME, which means its latest run. Raises
    UnknownRunError, with the nearest names, where there is none or more than one.
    """
    for path in (Path(name).expanduser(), logdir / name):
        if _is_run(path):
            return path
        inside = _listed(path, trials=False, depth=1) if name.strip("./") else []
        if inside:
            return inside[-1].path
    runs = _listed(logdir, trials=False)
    found = [run for run in runs if name and (run.id.startswith(name) or run.id.endswith(name))]
    if len(found) == 1:
        return found[0].path
    if found:
        several = ", ".join(f"{run.name}/{run.id}" for run in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise UnknownRunError(f"{name!r} means {len(found)} runs in {logdir}: {several}{more}; write more of the id")
    raise UnknownRunError(f"there is no run {name!r}, neither at that path nor in {logdir}; {_hint(name, runs)}")


def _listed(directory: Path, trials: bool, depth: int = _DEEPEST) -> list[RunInfo]:
    runs = [_info(path) for path in _run_paths(directory, trials, depth)]
    # Runs started in one second are told apart by the finer time in their status.
    return sorted(runs, key=lambda run: (run.id[:15], run.status.get("started") or "", str(run.path)))


def _hint(name: str, runs: list[RunInfo]) -> str:
    if not runs:
        return "there are no runs there yet"
    known = {known for run in runs for known in (run.name, run.id, f"{run.name}/{run.id}")}
    close = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    latest = runs[-1]
    return f"did you mean {close[0]}?" if close else f"the latest run is {latest.name}/{latest.id}"


def _run_paths(directory: Path, trials: bool, depth: int) -> Iterator[Path]:
    names = _entries(directory)
    if not names.isdisjoint(_MARKS):
        yield directory
        if trials and "trials" in names:
            yield from _children(directory / "trials", _entries(directory / "trials"), trials, 1)
        return
    if depth:
        yield from _children(directory, names, trials, depth)


def _children(directory: Path, names: set[str], trials: bool, depth: int) -> Iterator[Path]:
    for name in sorted(names):
        path = directory / name
        if not name.startswith(".") and path.is_dir() and not path.is_symlink():
            yield from _run_paths(path, trials, depth - 1)


def _entries(directory: Path) -> set[str]:
    try:
        return set(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return set()


def _is_run(path: Path) -> bool:
    return any((path / mark).is_file() for mark in _MARKS)


def _info(path: Path) -> RunInfo:
    name, run_id = path.parent.name, path.name
    if path.parent.name == "trials":
        study = path.parent.parent
        name, run_id = study.parent.name, f"{study.name}/{path.name}"
    info = RunInfo(path, name, run_id, "unknown", is_study=(path / "study.json").is_file())
    run = RunDirectory(path)
    try:
        info.status, info.summary = read_object(path / "status.json"), run.summary()
    except CheckpointError as error:
        info.problem = str(error)
        return info
    info.state = str(info.status.get("state", "unknown"))
    if info.state == "running" and not run.is_locked:
        info.state = "interrupted"
    return info
