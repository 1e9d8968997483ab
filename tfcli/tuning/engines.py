"""Engines: who does the work of a study's trials, and how many at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial
from tfcli.tuning.work import Outcome, Watcher, do_trial


@dataclass(frozen=True)
class Ended:
    """An attempt at a trial, and what came of it."""

    trial: Trial
    outcome: Outcome


class Engine(Protocol):
    """Does trials. Used as a context: at its end nothing that it started is left."""

    capacity: int
    """How many trials it does at a time."""
    is_here: bool
    """Whether it does them in this process."""

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *error: object) -> None: ...

    def submit(self, trial: Trial) -> None:
        """Begin with the trial; no more than `capacity` at a time."""

    def wait(self) -> Sequence[Ended]:
        """What has ended, after a moment or at once; the watcher hears of epochs meanwhile."""

    def stop(self) -> None:
        """Ask the trials under way to end with a checkpoint; `wait` then tells that they did."""


class HereEngine:
    """One trial at a time, in this process."""

    capacity, is_here = 1, True

    def __init__(self, study: Study, watcher: Watcher, command: Sequence[str]) -> None:
        self.study, self.watcher, self.command = study, watcher, command
        self._waiting: list[Trial] = []

    def __enter__(self) -> "HereEngine":
        return self

    def __exit__(self, *error: object) -> None:
        """A trial ends before `wait` returns."""

    def submit(self, trial: Trial) -> None:
        self._waiting.append(trial)

    def wait(self) -> Sequence[Ended]:
        trial = self._waiting.pop()
        return [Ended(trial, do_trial(self.study, trial.number, trial.parameters, self.watcher, self.command))]

    def stop(self) -> None:
        """The trial under way hears the signal itself."""
        assert not self._waiting, "a trial is done as soon as it is submitted"


class Lives:
    """How often the processes of a trial died without getting any further: it may be what kills them.

    Those that died on the way to the trial, while they were starting, say little about it, and have more lives.
    """

    MOST = 10
    MOST_STARTS = 100

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._starts: Counter[int] = Counter()

    def began(self, number: int) -> None:
        """A process is at the trial."""
        self._begun.add(number)

    def advanced(self, number: int) -> None:
        """The trial has finished an epoch."""
        del self._deaths[number], self._starts[number]

    def after_death(self, number: int, how: str) -> Outcome:
        """Lost, to be taken up again; or failed, where that was tried often enough."""
        at_work = number in self._begun
        self._begun.discard(number)
        counted, most = (self._deaths, self.MOST) if at_work else (self._starts, self.MOST_STARTS)
        counted[number] += 1
        if counted[number] < most:
            return Outcome("lost", error=how)
        where = "without finishing another epoch" if at_work else "before it came to the trial"
        return Outcome(
            "failed", error=f"its process ended {most} times {where}, at last {how}; is there enough memory?"
        )
