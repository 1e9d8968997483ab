"""Graphs with little to do, run in numpy: by one thread, as several would wait for each other longer than they work.

OpenBLAS, numpy's matrix library, shares out a product of some ten thousand multiplications already. That saves
microseconds on an idle machine; on a busy one each product waits until all threads had their turn of a processor.
"""

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfcli.engine.graph.execute import Measured, Plan

SHARED_OUT = 18_000
"""Operations of a product from which on OpenBLAS may take several threads."""
_LIBRARIES = "*openblas*"
_PREFIXES = (("scipy_openblas", "64_"), ("openblas", "64_"), ("openblas", ""))


class SmallPlan(Plan):
    """A plan that takes one thread."""

    def run(self, feeds: Sequence[np.ndarray]) -> list[np.ndarray]:
        with one_thread():
            return super().run(feeds)

    def measure(self, feeds: Sequence[np.ndarray]) -> Measured:
        with one_thread():
            return super().measure(feeds)


class _Setting(NamedTuple):
    """How OpenBLAS is asked for the number of its threads, and told."""

    get: Callable[[], int]
    set: Callable[[int], None]


@functools.cache
def _setting() -> _Setting | None:
    """None where numpy brings no OpenBLAS, as on a Mac: other libraries are left alone."""
    package = Path(np.__file__).parent
    for folder in (package.with_name("numpy.libs"), package / ".dylibs"):
        for path in sorted(folder.glob(_LIBRARIES)):
            library = ctypes.CDLL(str(path))
            for prefix, suffix in _PREFIXES:
                names = (f"{prefix}_get_num_threads{suffix}", f"{prefix}_set_num_threads{suffix}")
                if all(hasattr(library, name) for name in names):
                    return _Setting(*(getattr(library, name) for name in names))
    return None


class _Users:
    """How many runs want one thread now, and how many there were before the first."""

    count = 0
    before = 1
    lock = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, OpenBLAS takes one thread."""
    setting = _setting()
    if setting is None:
        yield
        return
    with _Users.lock:
        if not _Users.count:
            _Users.before = setting.get()
            setting.set(1)
        _Users.count += 1
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if not _Users.count:
                setting.set(_Users.before)


def blas_threads() -> int | None:
    """How many threads OpenBLAS would take now; None where it is not there."""
    setting = _setting()
    return None if setting is None else setting.get()
