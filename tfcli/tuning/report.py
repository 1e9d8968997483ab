"""What a study tells while it goes on."""

from tfcli.runner.report import Reporter
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial


class StudyReporter(Reporter):
    """Listens to a study, and as a Reporter to the run of each trial; every method may be overridden."""

    def study_started(self, study: Study) -> None:
        """The study's directory exists; its trials so far are those of before, where it was resumed."""

    def trial_started(self, study: Study, trial: Trial) -> None:
        """The trial is about to run, or to go on."""

    def trial_ended(self, study: Study, trial: Trial) -> None:
        """The trial is done, or has failed."""

    def study_note(self, text: str) -> None:
        """Something about the search as a whole."""
