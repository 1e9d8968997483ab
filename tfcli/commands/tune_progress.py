"""A study's progress on standard error: a line a trial, and on a terminal a live table of those under way."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfcli.commands.naming import setting, short_names
from tfcli.commands.output import duration, has_colour, note, number, paint, shortest, warn
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

if TYPE_CHECKING:
    from rich.console import RenderableType

_REFRESH = 0.1
"""Seconds between two drawings of the table."""


class LogStudyReporter(StudyReporter):
    """One line a trial."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def study_started(self, study: Study) -> None:
        self._names = short_names(list(study.loaded.experiment.tune.space))
        before = sum(trial.is_finished for trial in study.trials)
        resumed = f", going on after {before} trial{'s' * (before != 1)}" if before else ""
        goals = " and ".join(f"{objective.direction} {objective.name}" for objective in study.objectives)
        self.study_note(paint(f"{shortest(study.run.path)}: {goals}{resumed}", "1", sys.stderr))

    def trial_ended(self, study: Study, trial: Trial) -> None:
        head, settings = self._head(study, trial), self._settings(trial)
        if trial.error is not None:
            self.study_note(f"{head}  failed  {settings}")
            self.study_warning(f"{trial.folder}: {trial.error}")
            return
        state = "  pruned" if trial.state == "pruned" else "" if trial.is_allowed else "  outside the constraints"
        self.study_note(f"{head}  {_values(study, trial)}{_best(study)}  {settings}  {duration(trial.seconds)}{state}")

    def study_note(self, text: str) -> None:
        note(text)

    def study_warning(self, text: str) -> None:
        warn(text)

    def _head(self, study: Study, trial: Trial) -> str:
        return f"trial {trial.number}" + (f" ({trial.number + 1}/{study.wanted})" if study.wanted else "")

    def _settings(self, trial: Trial) -> str:
        return "  ".join(f"{self._names[key]} {setting(value)}" for key, value in trial.parameters.items())

    def __enter__(self) -> "LogStudyReporter":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left on the screen to clear."""


def _values(study: Study, trial: Trial) -> str:
    texts = []
    for objective in study.objectives:
        spread = f" ±{number(trial.spread[objective.name])}" if objective.name in trial.spread else ""
        texts.append(f"{objective.name} {number(trial.values[objective.name])}{spread}")
    return "  ".join(texts)


def _best(study: Study) -> str:
    best = study.best
    return f"  best {number(best.value)}" if best is not None and len(study.objectives) == 1 else ""


class TerminalStudyReporter(LogStudyReporter):
    """A line for each finished trial, and below them a table of those under way."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, no_color=not has_colour(sys.stderr), highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._rows: dict[int, tuple[Trial, str, str]] = {}
        self._started, self._ended, self._drawn = time.monotonic(), 0, 0.0

    def trial_started(self, study: Study, trial: Trial) -> None:
        self._rows[trial.number] = (trial, "", "")
        self._draw(study)

    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        count = len(study.parts)
        run = f"{part + 1}/{count}, " if count > 1 else ""
        value = row.get(study.objective.name)
        self._rows[trial.number] = (trial, f"{run}{row['epoch']}/{epochs}", number(value) if value is not None else "")
        self._draw(study)

    def trial_ended(self, study: Study, trial: Trial) -> None:
        self._rows.pop(trial.number, None)
        self._ended += 1
        super().trial_ended(study, trial)
        self._draw(study)

    def moment_passed(self, study: Study) -> None:
        self._draw(study)

    def study_note(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def study_warning(self, text: str) -> None:
        self.study_note(f"{paint('warning:', '1;33', sys.stderr)} {text}")

    def _draw(self, study: Study) -> None:
        now = time.monotonic()
        if now - self._drawn >= _REFRESH:
            self._drawn = now
            self._live.update(self._table(study), refresh=True)

    def _table(self, study: Study) -> "RenderableType":
        from rich.table import Table

        table = Table(box=None, pad_edge=False, caption=self._caption(study), caption_justify="left")
        for name in ("trial", "epoch", study.objective.name, *self._names.values()):
            table.add_column(name, no_wrap=True, style="dim")
        for _, (trial, epoch, value) in sorted(self._rows.items()):
            values = (trial.parameters.get(key) for key in self._names)
            shown = (setting(item) if item is not None else "" for item in values)
            table.add_row(str(trial.number), epoch, value, *shown)
        return table

    def _caption(self, study: Study) -> str:
        """How many are done, the best of them, and how long the rest takes at this rate."""
        finished = sum(trial.is_finished for trial in study.everywhere)
        words = [f"{finished} of {study.wanted} trials" if study.wanted else f"{finished} trials"]
        if study.best is not None:
            words.append(f"best {number(study.best.value)} (trial {study.best.number})")
        if study.wanted and self._ended:
            left = (study.wanted - finished) * (time.monotonic() - self._started) / self._ended
            words.append(f"about {duration(left)} left" if left >= 1 else "nearly done")
        return " · ".join(words)

    def __enter__(self) -> "TerminalStudyReporter":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.update("")
        self._live.stop()


class SilentStudyReporter(LogStudyReporter):
    """Only what went wrong."""

    def study_note(self, text: str) -> None:
        """`--quiet` asks for this."""


def study_reporter(quiet: bool) -> LogStudyReporter:
    """What suits the options and where standard error goes."""
    if quiet:
        return SilentStudyReporter()
    return TerminalStudyReporter() if sys.stderr.isatty() else LogStudyReporter()
