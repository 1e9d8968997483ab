"""Stages about when work is done; the numbers do not depend on them."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from tfcli.data.stage import Stage
from tfcli.declare import PositiveInt

T = TypeVar("T")
_AUTO = 2


class Cache(Stage):
    """Keeps in memory what the stages before it make, from the first epoch on; a shuffle before it gives one order
    for all epochs."""


class Prefetch(Stage):
    """Prepares up to `buffer_size` batches in the background while the model works."""

    buffer_size: PositiveInt | Literal["auto"] = "auto"

    @property
    def size(self) -> int:
        return _AUTO if self.buffer_size == "auto" else self.buffer_size


@dataclass(frozen=True)
class _End:
    """Follows the last item; `error` is what ended the stream early."""

    error: BaseException | None = None


def prefetched(stream: Iterator[T], size: int) -> Iterator[T]:
    """The items of `stream`, made by a thread that runs at most `size` items ahead. Its errors are raised here."""
    ready: queue.Queue[T | _End] = queue.Queue(size)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(stream, ready, stop), name="tfcli-prefetch", daemon=True)
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
