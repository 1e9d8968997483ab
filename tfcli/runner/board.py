"""What a run writes for TensorBoard: scalars by epoch or batch, weight histograms, the model's graph, embeddings."""

from collections.abc import Mapping
from typing import Any

from tfcli.logging.events import EventWriter
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.session import Session

_UNLOGGED = ("epoch", "step", "seconds", "examples_per_second")


class Board:
    """Event files under train/ and validation/, whose steps are epochs, and train/batches/; a context manager that does nothing where the spec says `tensorboard: null`."""

    def __init__(self, run: RunDirectory, session: Session, resumed: tuple[int, int] | None) -> None:
        """`resumed`: the epoch and the step that a resumed run goes on from."""
        self.declared = session.experiment.train.tensorboard
        self.session = session
        self._train = self._validation = self._batches = None
        epoch, step = resumed or (None, None)
        if self.declared is None:
            return
        self._train = EventWriter(run.train_events, epoch)
        if session.data.validation is not None:
            self._validation = EventWriter(run.validation_events, epoch)
        if self.declared.update_freq != "epoch":
            self._batches = EventWriter(run.train_events / "batches", step)

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *error: object) -> None:
        for writer in (self._train, self._validation, self._batches):
            if writer is not None:
                writer.close()

    def after_batch(self, step: int, batch: int, loss: float) -> None:
        """The running loss, where `update_freq` asks for it."""
        if self._batches is None or self.declared is None:
            return
        every = self.declared.update_freq if isinstance(self.declared.update_freq, int) else 1
        if batch % every == 0:
            self._batches.scalar("batch_loss", loss, step)

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        """The epoch's values, those of validation in their own file, under the same tags."""
        if self._train is None:
            return
        values = {n: v for n, v in row.items() if n not in _UNLOGGED and isinstance(v, int | float)}
        self._train.scalars({n: v for n, v in values.items() if not n.startswith("val_")}, row["epoch"])
        self._train.flush()
        if self._validation is not None:
            self._validation.scalars({n[4:]: v for n, v in values.items() if n.startswith("val_")}, row["epoch"])
            self._validation.flush()
