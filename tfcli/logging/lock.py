"""The lock on a run directory: one process trains in it, however the one before ended."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from tfcli.errors import CheckpointError
from tfcli.logging import durable

_held: set[int] = set()


def _close_in_child() -> None:
    # A forked child that keeps the descriptor open would keep the lock after its parent is gone.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`. The kernel lets go of it when the process ends, in whatever way.

    Raises CheckpointError, with the process id of the holder, where another holds it.
    """
    owner = os.getpid()
    with durable.plain_errors(path, "lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    _held.add(descriptor)
    try:
        _take(descriptor, path)
        yield
    finally:
        if os.getpid() == owner:
            _held.discard(descriptor)
            os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    # A lister that looks whether the run is alive has the lock for a moment.
    for _ in range(10):
        if _try_lock(descriptor, fcntl.LOCK_EX):
            break
        time.sleep(0.01)
    else:
        pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        holder = f"process {pid}" if pid else "another process"
        raise CheckpointError(f"{path.parent} is in use by {holder}; wait for it to end, or stop it, then try again")
    with durable.plain_errors(path, "lock"):
        durable.storage.truncate(descriptor, 0)
        durable.storage.write(descriptor, f"{os.getpid()}\n".encode())


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock file `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
