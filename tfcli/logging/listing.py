"""Finding runs in a logs directory by reading their small files alone, so that thousands are quick to list."""

import difflib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError, UnknownRunError
from tfcli.logging.run_directory import RunDirectory, read_object, restored
from tfcli.logging.run_index import RunIndex, sections, signature

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
    environment: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    spec: list[str] = field(default_factory=list)
    """The text of the resolved spec, by top-level section."""
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
        if _has_mark(path):
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
    index = RunIndex(directory)
    runs = [_info(path, index) for path in _run_paths(str(directory), trials, depth)]
    index.save(str(run.path) for run in runs)
    # Runs started in one second are told apart by the finer time in their status.
    return sorted(runs, key=lambda run: (run.id[:15], run.status.get("started") or "", str(run.path)))


def _hint(name: str, runs: list[RunInfo]) -> str:
    if not runs:
        return "there are no runs there yet"
    known = {known for run in runs for known in (run.name, run.id, f"{run.name}/{run.id}")}
    close = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    latest = runs[-1]
    return f"did you mean {close[0]}?" if close else f"the latest run is {latest.name}/{latest.id}"


def _run_paths(directory: str, trials: bool, depth: int) -> Iterator[str]:
    if _has_mark(directory):
        yield directory
        if trials and os.path.isdir(f"{directory}/trials"):
            yield from _children(f"{directory}/trials", trials, 1)
    elif depth:
        yield from _children(directory, trials, depth)


def _children(directory: str, trials: bool, depth: int) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for name in sorted(names):
        yield from _run_paths(f"{directory}/{name}", trials, depth - 1)


def _has_mark(directory: str | Path) -> bool:
    return any(os.path.isfile(f"{directory}/{mark}") for mark in _MARKS)


def _info(path: str, index: RunIndex) -> RunInfo:
    head, run_id = os.path.split(path)
    name = os.path.basename(head)
    if name == "trials":
        study = os.path.dirname(head)
        name, run_id = os.path.basename(os.path.dirname(study)), f"{os.path.basename(study)}/{run_id}"
    info = RunInfo(Path(path), name, run_id, "unknown")
    now = signature(path)
    known = index.find(path, now)
    if known is None:
        known = _read(info, path)
        if known.get("status", {}).get("state") in ("done", "failed") and not info.problem:
            index.add(path, now, known)
    for field_name, value in known.items():
        if field_name != "signature":
            setattr(info, field_name, value)
    info.state = str(info.status.get("state", "unknown"))
    if info.state == "running" and not RunDirectory(info.path).is_locked:
        info.state = "interrupted"
    return info


def _read(info: RunInfo, path: str) -> dict[str, Any]:
    """What the run's files say; what is wrong with them becomes `problem`."""
    found: dict[str, Any] = {"is_study": os.path.isfile(f"{path}/study.json")}
    try:
        for name in ("status", "summary", "environment", "annotations"):
            found[name] = _object(f"{path}/{name}.json")
        found["spec"] = sections((_bytes(f"{path}/spec.yaml") or b"").decode())
    except (CheckpointError, UnicodeDecodeError) as error:
        info.problem = str(error)
    return found


def _object(path: str) -> dict[str, Any]:
    """As `read_object`, which is asked where there is anything unusual, but at a third of its time."""
    data = _bytes(path)
    if data is None:
        return {}
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return read_object(Path(path))
    return restored(value) if b'"NaN"' in data or b'Infinity"' in data else value


def _bytes(path: str) -> bytes | None:
    """Of a small file; None where there is none."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
