"""A study's progress on standard error: a line a trial, and on a terminal the epoch of the one under way."""

import sys
from collections.abc import Mapping
from typing import Any

from tfcli.commands.naming import setting, short_names
from tfcli.commands.output import duration, note, number, paint, shortest, warn
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

_CLEAR = "\r\x1b[2K"


class LogStudyReporter(StudyReporter):
    """One line a trial."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._wanted: int | None = None

    def study_started(self, study: Study) -> None:
        self._names = short_names(list(study.loaded.experiment.tune.space))
        self._wanted = study.wanted
        before = sum(trial.is_finished for trial in study.trials)
        resumed = f", going on after {before} trials" if before else ""
        self.study_note(
            paint(f"{shortest(study.run.path)}: {study.direction} {study.objective}{resumed}", "1", sys.stderr)
        )

    def trial_ended(self, study: Study, trial: Trial) -> None:
        settings = "  ".join(f"{self._names[key]} {setting(value)}" for key, value in trial.parameters.items())
        head = self._head(trial)
        if trial.error is not None:
            self.study_note(f"{head}  failed  {settings}")
            warn(f"trials/{trial.number:04d}: {trial.error}")
            return
        best = study.best
        assert best is not None, "this trial at least is done"
        assert best.value is not None
        assert trial.value is not None
        self.study_note(
            f"{head}  {study.objective} {number(trial.value)}  best {number(best.value)}  {settings}  "
            f"{duration(trial.seconds)}"
        )

    def study_note(self, text: str) -> None:
        note(text)

    def _head(self, trial: Trial) -> str:
        return f"trial {trial.number}" + (f" ({trial.number + 1}/{self._wanted})" if self._wanted else "")

    def __enter__(self) -> "LogStudyReporter":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left on the screen to clear."""


class TerminalStudyReporter(LogStudyReporter):
    """A line for each finished trial, and below them one that tells how far the next is."""

    def trial_started(self, study: Study, trial: Trial) -> None:
        self._current = self._head(trial)
        self._show(self._current)

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        self._show(f"{self._current}  epoch {row['epoch']}/{epochs}  loss {number(row['loss'])}")

    def study_note(self, text: str) -> None:
        self._show("")
        note(text)

    def __exit__(self, *error: object) -> None:
        self._show("")

    def _show(self, text: str) -> None:
        sys.stderr.write(_CLEAR + text)
        sys.stderr.flush()


class SilentStudyReporter(LogStudyReporter):
    """Only what went wrong."""

    def study_note(self, text: str) -> None:
        """`--quiet` asks for this."""


def study_reporter(quiet: bool) -> LogStudyReporter:
    """What suits the options and where standard error goes."""
    if quiet:
        return SilentStudyReporter()
    return TerminalStudyReporter() if sys.stderr.isatty() else LogStudyReporter()
