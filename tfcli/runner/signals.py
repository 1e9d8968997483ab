"""Interruption: SIGINT and SIGTERM end a run after the batch under way, with a checkpoint."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tfcli.errors import TrainingError


class Interrupted(TrainingError):
    """The run was asked to stop; a checkpoint was written. `exit_code` is 130 after SIGINT, 143 after SIGTERM."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopRequest:
    """The signal that came, if one did."""

    def __init__(self) -> None:
        self.number: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        self.number = number


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Signals become a request inside; outside they do what they did. In a thread other than the main one nothing
    changes."""
    request = StopRequest()
    before: dict[int, Any] = {}
    try:
        for wanted in (signal.SIGINT, signal.SIGTERM):
            before[wanted] = signal.signal(wanted, request.receive)
    except ValueError:  # not the main thread, which alone receives signals
        assert not before
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
