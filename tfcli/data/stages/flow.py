"""Stages about when work is done; the numbers do not depend on them."""

import queue
import threading
from collections.abc import Iterator
from typing import Literal, TypeVar

from tfcli.data.stage import Stage
from tfcli.declare import PositiveInt

T = TypeVar("T")
_AUTO = 2


class Cache(Stage):
    """Keeps in memory what the stages before it make, from the first epoch on; a shuffle before it gives one order for all epochs."""


class Prefetch(Stage):
    """Prepares up to `buffer_size` batches in the background while the model works."""

    buffer_size: PositiveInt | Literal["auto"] = "auto"

    @property
    def size(self) -> int:
        return _AUTO if self.buffer_size == "auto" else self.buffer_size


def prefetched(stream: Iterator[T], size: int) -> Iterator[T]:
    """The items of `stream`, made by a thread that runs at most `size` items ahead. Its errors are raised here."""
    ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(size)
    stop = threading.Event()

    def offer(item: T | BaseException | None, more: bool) -> None:
        while not stop.is_set():
            try:
                return ready.put((more, item), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in stream:
                offer(item, True)
                if stop.is_set():
                    return
        except BaseException as error:  # handed to the thread that asked for the items, which raises it
            offer(error, False)
        else:
            offer(None, False)

    thread = threading.Thread(target=work, name="tfcli-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
        thread.join()
