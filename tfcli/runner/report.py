"""What a run tells while it goes on. The base says nothing; the commands draw it for a terminal or a log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Reporter:
    """Listens to a run; every method may be overridden."""

    wants_pictures = True
    """Whether the run ends with its plots, which take longer than a short training."""

    def run_started(self, path: Path, parameters: int, resumed_from: str | None) -> None:
        """The run directory exists and training is about to begin, or to go on."""

    def epoch_started(self, epoch: int, epochs: int, steps: int, done: int) -> None:
        """Epoch `epoch` (from 1) of `epochs` begins; `done` of its `steps` batches are behind it."""

    def step_done(self, loss: float) -> None:
        """A batch was trained; `loss` is the mean of the epoch so far."""

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        """The epoch's row of metrics.jsonl."""

    def wants_stop(self) -> bool:
        """Whether the run should end with the epoch that was just told of."""
        return False

    def note(self, text: str) -> None:
        """Something the user should know."""
