"""A study's progress on standard error: a line a trial, and on a terminal a live table of those under way."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfcli.commands.naming import setting, short_names
from tfcli.commands.output import duration, has_colour, note, number, paint, shortest, warn
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.space import make_space
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

if TYPE_CHECKING:
    from rich.text import Text

_REFRESH = 0.1
"""Seconds between two drawings of the table."""
_NUMBER_WIDTH = 9
"""Characters of a number with four significant digits, `1.234e-05`; with its spread, `0.8229 ±0.0123`, more."""
_SPREAD_WIDTH = 14


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
        values = "  ".join(f"{o.name} {_value(trial, o.name)}" for o in study.objectives)
        self.study_note(f"{head}  {values}{_best(study)}  {settings}  {duration(trial.seconds)}{_remark(trial)}")

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


def _value(trial: Trial, name: str) -> str:
    spread = f" ±{number(trial.spread[name])}" if name in trial.spread else ""
    return number(trial.values[name]) + spread


def _remark(trial: Trial) -> str:
    if trial.state == "pruned":
        return ", pruned"
    return "" if trial.is_allowed else ", outside the constraints"


def _best(study: Study) -> str:
    best = study.best
    return f"  best {number(best.value)}" if best is not None and len(study.objectives) == 1 else ""


@dataclass(frozen=True)
class _Column:
    """A column of the table on a terminal, as wide as what comes is likely to be; numbers stand to the right."""

    name: str
    width: int
    is_right: bool = True

    def fitted(self, text: str) -> str:
        return text.rjust(self.width) if self.is_right else text.ljust(self.width)


def _columns(study: Study, names: Mapping[str, str]) -> list[_Column]:
    """The trial, the objectives, of a single one the best so far, the searched keys, and how long the trial took."""
    wide = _NUMBER_WIDTH if len(study.parts) == 1 else _SPREAD_WIDTH
    columns = [_Column("trial", len("trial"))]
    columns += [_Column(objective.name, max(len(objective.name), wide)) for objective in study.objectives]
    columns += [_Column("best", _NUMBER_WIDTH)] if len(study.objectives) == 1 else []
    for key in make_space(study.loaded).keys:
        name, texts = names[key.path], [_short(value) for value in key.choices or ()]
        is_right = all(isinstance(value, int | float) for value in key.choices or ())
        width = max(map(len, texts)) if texts else _NUMBER_WIDTH
        columns.append(_Column(name, max(len(name), width), is_right))
    return [*columns, _Column("took", 0, is_right=False)]


def _short(value: Any) -> str:
    """A searched value in little room; leaderboard.csv has all of its digits."""
    return f"{value:.4g}" if isinstance(value, float) else setting(value)


class TerminalStudyReporter(LogStudyReporter):
    """A table: the rows of trials that have ended stay, and those under way change below them."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, no_color=not has_colour(sys.stderr), highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._columns: list[_Column] = []
        self._under_way: dict[int, str] = {}
        self._started, self._ended, self._drawn = time.monotonic(), 0, 0.0

    def study_started(self, study: Study) -> None:
        super().study_started(study)
        self._columns = _columns(study, self._names)
        self._print(self._line([column.name for column in self._columns]), "bold")

    def trial_started(self, study: Study, trial: Trial) -> None:
        self._under_way[trial.number] = self._row(study, trial, [], "starting")
        self._draw(study)

    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        count = len(study.parts)
        run = f"run {part + 1}/{count}, " if count > 1 else ""
        values = [number(row.get(objective.name, "")) for objective in study.objectives]
        self._under_way[trial.number] = self._row(study, trial, values, f"{run}epoch {row['epoch']}/{epochs}")
        self._draw(study)

    def trial_ended(self, study: Study, trial: Trial) -> None:
        self._under_way.pop(trial.number, None)
        self._ended += 1
        values = ["failed"] if trial.error is not None else [_value(trial, o.name) for o in study.objectives]
        if len(study.objectives) == 1:
            values.append(number(study.best.value) if study.best is not None else "")
        self._print(self._row(study, trial, values, duration(trial.seconds) + _remark(trial)))
        if trial.error is not None:
            self.study_warning(f"{trial.folder}: {trial.error}")
        self._draw(study)

    def moment_passed(self, study: Study) -> None:
        self._draw(study)

    def study_note(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def study_warning(self, text: str) -> None:
        self.study_note(f"{paint('warning:', '1;33', sys.stderr)} {text}")

    def _row(self, study: Study, trial: Trial, values: list[str], last: str) -> str:
        measured = len(self._columns) - len(self._names) - 2
        settings = (_short(trial.parameters[key]) if key in trial.parameters else "" for key in self._names)
        return self._line([str(trial.number), *values, *[""] * (measured - len(values)), *settings, last])

    def _line(self, cells: list[str]) -> str:
        return "  ".join(column.fitted(cell) for column, cell in zip(self._columns, cells, strict=True))

    def _print(self, line: str, style: str = "") -> None:
        """One line, cut off where the terminal is too narrow."""
        from rich.text import Text

        self._console.print(Text(line, style), no_wrap=True, overflow="ellipsis")

    def _draw(self, study: Study) -> None:
        now = time.monotonic()
        if now - self._drawn >= _REFRESH:
            self._drawn = now
            self._live.update(self._shown(study), refresh=True)

    def _shown(self, study: Study) -> "Text":
        from rich.text import Text

        rows = [line for _, line in sorted(self._under_way.items())]
        return Text("\n".join([*rows, self._caption(study)]), "dim", no_wrap=True, overflow="ellipsis")

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
