"""What `fit`, `evaluate` and `predict` print."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from tfcli.models.callbacks.base import Callback

WIDTH = 20
REDRAW_SECONDS = 0.05


class ProgbarLogger(Callback):
    """Keras's progress lines. verbose 1: a bar, redrawn on a terminal and elsewhere drawn once; 2: a line an epoch."""

    def __init__(self, verbose: int) -> None:
        super().__init__()
        self.verbose = verbose
        self.training = False
        self.steps: int | None = None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.training = True
        self.steps = self.params.get("steps")

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        print(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._start()

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self.training:
            self.steps = self.params.get("steps")
            self._start()

    on_predict_begin = on_test_begin

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._seen(batch + 1, logs)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self.training:
            self._seen(batch + 1, logs)

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._seen(batch + 1, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self.training:
            self._finish(logs)

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._finish({})

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self.training = False

    def _start(self) -> None:
        self._started = self._drawn = time.perf_counter()
        self._done = self._width = 0

    def _seen(self, done: int, logs: Mapping[str, Any] | None) -> None:
        self._done = done
        now = time.perf_counter()
        if self.verbose == 1 and sys.stdout.isatty() and now - self._drawn > REDRAW_SECONDS:
            self._drawn = now
            self._draw(logs or {}, "")

    def _finish(self, logs: Mapping[str, Any] | None) -> None:
        self.steps = self._done
        self._draw(logs or {}, "\n")

    def _draw(self, logs: Mapping[str, Any], end: str) -> None:
        seconds = time.perf_counter() - self._started
        each = _duration(seconds / max(self._done, 1))
        total = "Unknown" if self.steps is None else str(self.steps)
        count = f"{self._done:>{len(total)}}/{total}"
        values = "".join(f" - {name}: {show(value)}" for name, value in logs.items())
        if self.verbose == 2:
            sys.stdout.write(f"{count} - {seconds:.0f}s - {each}/step{values}\n")
            return
        filled = WIDTH if self.steps is None else WIDTH * self._done // max(self.steps, 1)
        left = seconds if end or self.steps is None else seconds / self._done * (self.steps - self._done)
        line = f"{count} {'━' * filled}{'─' * (WIDTH - filled)} {left:.0f}s {each}/step{values}"
        start = "\r" if sys.stdout.isatty() else ""
        sys.stdout.write(f"{start}{line:<{self._width}}{end}")
        self._width = len(line)
        sys.stdout.flush()


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def show(value: Any) -> str:
    """Four decimals, or powers of ten for what is smaller."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or math.isnan(value) else f"{value:.4e}"
