"""`train.on_end`: a command of the user's own when training ends, however it ends."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tfcli.declare.functions import runs_own_python
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.report import Reporter
from tfcli.spec.load import LoadedSpec

_PATIENCE_SECONDS = 60


@contextmanager
def notified(run: RunDirectory, loaded: LoadedSpec, reporter: Reporter) -> Iterator[None]:
    """Runs the command after what is inside; not where the spec is one that the user has not named or trusted."""
    command = loaded.experiment.train.on_end
    try:
        yield
    finally:
        if command is not None and not runs_own_python():
            reporter.note(f"on_end was not run: {command!r} comes from the run's own spec; --trust runs it")
        elif command is not None:
            _run(command, run, reporter)


def _run(command: str, run: RunDirectory, reporter: Reporter) -> None:
    """What it prints goes to standard error; that it fails is told, and changes nothing."""
    told = {"TFCLI_RUN": str(run.path.absolute()), "TFCLI_STATUS": str(run.status().get("state"))}
    try:
        done = subprocess.run(
            command,
            shell=True,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno() if _has_descriptor() else subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reporter.note(f"on_end was stopped: {command!r} took more than {_PATIENCE_SECONDS} seconds")
    else:
        if done.returncode != 0:
            reporter.note(f"on_end failed: {command!r} ended with {done.returncode}")


def _has_descriptor() -> bool:
    try:
        return sys.stderr.fileno() >= 0
    except (OSError, ValueError):  # replaced by something that is no file, as in tests and notebooks
        return False
