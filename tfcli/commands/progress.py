"""A run's progress on standard error: a line an epoch, and on a terminal a bar below them."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcli.commands.output import duration, note, number, paint, shortest, values
from tfcli.runner.report import Reporter

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_BAR_AFTER_SECONDS = 0.5
"""A run that is done before has no bar, and does not wait for its library to load."""
_REDRAW_SECONDS = 0.1
_UNSHOWN = ("epoch", "step", "seconds", "examples_per_second", "learning_rate")


class LogReporter(Reporter):
    """One line an epoch."""

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        shown = {name: value for name, value in row.items() if name not in _UNSHOWN}
        width = len(str(epochs))
        self.line(f"epoch {row['epoch']:>{width}}/{epochs}  {values(shown)}  {duration(row['seconds'])}")

    def note(self, text: str) -> None:
        self.line(text)

    def line(self, text: str) -> None:
        note(text)

    def __enter__(self) -> "LogReporter":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left on the screen to clear."""


class TerminalReporter(LogReporter):
    """A line for each finished epoch, and below them a bar for the one under way."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._started = self._drawn = time.monotonic()
        self._epoch, self._steps, self._done = "", 0, 0
        self._epochs_left, self._timed = 0, 0

    def run_started(self, path: Path, parameters: int, resumed_from: str | None) -> None:
        resumed = f", going on from {resumed_from}" if resumed_from else ""
        self.line(paint(f"{shortest(path)}: {parameters:,} parameters{resumed}", "1", sys.stderr))
        self._started = self._drawn = time.monotonic()

    def epoch_started(self, epoch: int, epochs: int, steps: int, done: int) -> None:
        self._epoch, self._steps, self._done = f"epoch {epoch:>{len(str(epochs))}}/{epochs}", steps, done
        self._epochs_left = epochs - epoch
        if self._bar is not None and self._task is not None:
            # The loss and the rate of the epoch before stay until there are new ones: nothing jumps to and fro.
            self._bar.reset(self._task, total=steps, completed=done, description=self._epoch)

    def step_done(self, loss: float) -> None:
        self._done += 1
        self._timed += 1
        now = time.monotonic()
        if now - self._drawn < _REDRAW_SECONDS or now - self._started < _BAR_AFTER_SECONDS:
            return
        self._drawn = now
        if self._bar is None:
            self._bar, self._task = self._start_bar()
        assert self._task is not None
        rate = self._timed / (now - self._started)
        left = (self._steps - self._done + self._epochs_left * self._steps) / rate
        told = f"loss {number(loss)}"
        self._bar.update(self._task, completed=self._done, loss=told, rate=_rate(rate), left=_left(left))

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        super().epoch_ended(row, epochs)
        if self._bar is None or self._task is None:
            return
        self._bar.update(self._task, completed=self._steps)
        if row["epoch"] == epochs:  # pictures are still to be drawn: a bar that stands still says nothing
            self._bar.stop()

    def _start_bar(self) -> "tuple[Progress, TaskID]":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            *(TextColumn(f"{{task.fields[{name}]}}") for name in ("loss", "rate", "left")),
        )
        bar = Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
        task = bar.add_task(self._epoch, total=self._steps, completed=self._done, loss="", rate="", left="")
        bar.start()
        return bar, task

    def line(self, text: str) -> None:
        if self._bar is None:
            note(text)
        else:
            self._bar.console.print(text, markup=False, soft_wrap=True)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _left(seconds: float) -> str:
    return f"{duration(round(seconds))} left" if seconds >= 1 else "less than 1 s left"


def _rate(steps_per_second: float) -> str:
    """`23 steps/s`, or for slow ones `1.4 s/step`."""
    return f"{steps_per_second:.3g} steps/s" if steps_per_second >= 1 else f"{duration(1 / steps_per_second)}/step"


class SilentReporter(LogReporter):
    """Nothing at all."""

    def line(self, text: str) -> None:
        """`--quiet` asks for this."""


def reporter(quiet: bool) -> LogReporter:
    """What suits the options and where standard error goes."""
    if quiet:
        return SilentReporter()
    return TerminalReporter() if sys.stderr.isatty() else LogReporter()
