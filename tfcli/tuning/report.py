"""What a study tells while it goes on."""

from collections.abc import Mapping
from typing import Any

from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial


class StudyReporter:
    """Listens to a study; every method may be overridden."""

    def study_started(self, study: Study) -> None:
        """The study's directory exists; its trials so far are those of before, where it was resumed."""

    def trial_started(self, study: Study, trial: Trial) -> None:
        """The trial is about to run, or to go on."""

    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        """One of the `epochs` of the trial's run `part` is over; `row` is its line of metrics.jsonl."""

    def trial_ended(self, study: Study, trial: Trial) -> None:
        """The trial is done, pruned, or has failed."""

    def study_note(self, text: str) -> None:
        """Something about the search as a whole."""

    def moment_passed(self, study: Study) -> None:
        """Called every now and then."""
