"""The trash of a logs directory: removed runs lie in `.trash/NAME/ID` until they are restored or done away with."""

import os
from pathlib import Path

from tfcli.errors import CheckpointError, UnknownRunError
from tfcli.logging import durable
from tfcli.logging.listing import RunInfo, find_run, list_runs
from tfcli.logging.lock import locked

FOLDER = ".trash"


def trash_of(run: Path) -> Path:
    """Where the run at `run` goes when it is removed: the trash beside its name's folder."""
    return run.absolute().parent.parent / FOLDER


def move_to_trash(run: Path) -> Path:
    """Put the run away; its new place. Raises CheckpointError while a process trains in it."""
    run = run.absolute()
    target = _free(trash_of(run) / run.parent.name / run.name)
    durable.make_directory(target.parent)
    with locked(run / ".lock"), durable.plain_errors(run, "move"):
        os.replace(run, target)
    _remove_if_empty(run.parent)
    return target


def in_trash(logdir: Path) -> list[RunInfo]:
    """The removed runs of a logs directory, the oldest first."""
    return list_runs(logdir / FOLDER) if (logdir / FOLDER).is_dir() else []


def restore(name: str, logdir: Path) -> Path:
    """Take the run that `name` means out of the trash of `logdir`; its place.

    Raises UnknownRunError where there is none, CheckpointError where its place is taken.
    """
    if not in_trash(logdir):
        raise UnknownRunError(f"the trash of {logdir} is empty")
    found = find_run(name, logdir / FOLDER)
    target = logdir / found.parent.name / found.name
    if target.exists():
        raise CheckpointError(f"{target} exists: move it away, then restore the removed run of that name")
    durable.make_directory(target.parent)
    with durable.plain_errors(found, "move"):
        os.replace(found, target)
    _remove_if_empty(found.parent)
    return target


def size_of(run: Path) -> int:
    """The bytes of the files in a directory and below it."""
    total = 0
    for folder, _, names in os.walk(run):
        total += sum(os.lstat(f"{folder}/{name}").st_size for name in names)
    return total


def _free(target: Path) -> Path:
    """A run of the same name that was restored, changed and removed once more lies beside the first."""
    number, free = 1, target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.name}-{number}")
    return free


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
