"""Threads that compute elements ahead of time; the elements and their order do not depend on them."""

import itertools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 16
"""Elements a thread takes at a time: starting a call in it costs as much as a small function."""


def workers(num_parallel_calls: Any) -> int:
    """How many threads: as many as there are processors for AUTOTUNE, none where calls are not to be parallel."""
    if num_parallel_calls is None:
        return 1
    return usable_processors() if int(num_parallel_calls) < 0 else int(num_parallel_calls)


def usable_processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(function: Callable[[T], R], items: Iterator[T], threads: int) -> Iterator[R]:
    """`function` of each item, in order, by `threads` threads.

    An item's error is raised where its result would be; as with Python's own `map`, the next item follows it.
    """
    return map(function, items) if threads < 2 else _ParallelMap(function, items, threads)


class _ParallelMap(Iterator[R]):
    def __init__(self, function: Callable[[T], R], items: Iterator[T], threads: int) -> None:
        self.function, self.items, self.threads = function, items, threads
        from concurrent.futures import ThreadPoolExecutor

        self.pool = ThreadPoolExecutor(threads)
        self.waiting: deque[Future[list[tuple[Any, Exception | None]]]] = deque()
        self.ready: deque[tuple[Any, Exception | None]] = deque()
        self.sizes = itertools.chain([1], itertools.repeat(_AT_ONCE))  # the first soon: it may be the only one wanted

    def __next__(self) -> R:
        while not self.ready:
            while len(self.waiting) <= self.threads and (part := list(itertools.islice(self.items, next(self.sizes)))):
                self.waiting.append(self.pool.submit(self._outcomes, part))
            if not self.waiting:
                self.pool.shutdown()
                raise StopIteration
            self.ready.extend(self.waiting.popleft().result())
        result, error = self.ready.popleft()
        if error is not None:
            raise error
        return result

    def _outcomes(self, part: list[Any]) -> list[tuple[Any, Exception | None]]:
        return [self._outcome(item) for item in part]

    def _outcome(self, item: Any) -> tuple[Any, Exception | None]:
        try:
            return self.function(item), None
        except Exception as error:  # raised in the thread that takes the results
            return None, error

    def __del__(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _End:
    """Follows the last item; `error` is what ended the stream early."""

    error: BaseException | None = None


def prefetched(stream: Iterator[T], size: int) -> Iterator[T]:
    """The items of `stream`, made by a thread that runs at most `size` items ahead. Its errors are raised here."""
    ready: queue.Queue[T | _End] = queue.Queue(size)
    stop = threading.Event()
    context = copy_context()
    thread = threading.Thread(target=context.run, args=(_fill, stream, ready, stop), name="tfcli-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _fill(stream: Iterator[T], ready: "queue.Queue[T | _End]", stop: threading.Event) -> None:
    end = _End()
    try:
        for item in stream:
            _offer(item, ready, stop)
            if stop.is_set():
                break
    except BaseException as error:  # raised by the thread that takes the items
        end = _End(error)
    _offer(end, ready, stop)


def _offer(item: T | _End, ready: "queue.Queue[T | _End]", stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            ready.put(item, timeout=0.1)
        except queue.Full:
            continue
        break
