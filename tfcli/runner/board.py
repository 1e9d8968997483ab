"""What a run writes for TensorBoard: curves, histograms, the model's graph, the spec, embeddings, examples."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfcli.logging.events import EventWriter, GraphNode
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.network import Network
from tfcli.runner.recorder import Recorder
from tfcli.runner.session import Session

_UNLOGGED = ("epoch", "step", "seconds")
_DENSE = 1 << 14
"""So many points of a batch curve are all written."""


def is_kept(number: int) -> bool:
    """Whether the point of that number, from 1, of a batch curve is written.

    All of the first 16,384 are, then every second, from twice as many on every fourth, and so on: 10 million steps
    make 92,000 points. It follows from the number alone, so that a resumed run writes the same ones.
    """
    return number % (1 << ((number - 1) // _DENSE).bit_length()) == 0


class Board:
    """Event files under train/ and validation/, whose steps are epochs, and train/batches/.

    Those of epochs are written by the recorder's thread. A context manager that does nothing where the spec says
    `tensorboard: null`.
    """

    def __init__(
        self, run: RunDirectory, session: Session, recorder: Recorder, resumed: tuple[int, int] | None
    ) -> None:
        """`resumed`: the epoch and the step that a resumed run goes on from."""
        self.declared = session.experiment.train.tensorboard
        self.run, self.session, self.recorder = run, session, recorder
        self._is_resumed = resumed is not None
        self._train = self._validation = self._batches = None
        epoch, step = resumed or (None, None)
        self._step = step or 0
        if self.declared is None:
            return
        self._train = EventWriter(run.train_events, epoch)
        if session.data.validation is not None:
            self._validation = EventWriter(run.validation_events, epoch)
        if self.declared.update_freq != "epoch":
            self._batches = EventWriter(run.train_events / "batches", step)

    def __enter__(self) -> "Board":
        if self._train is not None and self.declared is not None and not self._is_resumed:
            if self.declared.graph:
                self._train.graph(graph_nodes(self.session.network))
            self._train.text("spec", f"```yaml\n{self.run.spec_text()}\n```", 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            self._show_model()
        for writer in (self._train, self._validation, self._batches):
            if writer is not None:
                self.recorder.later(writer.close)

    def after_batch(self, step: int, batch: int, loss: float) -> None:
        """The running loss, where `update_freq` asks for it."""
        if self._batches is None or self.declared is None:
            return
        every = self.declared.update_freq if isinstance(self.declared.update_freq, int) else 1
        if batch % every == 0 and is_kept(max(step // every, 1)):
            self._batches.scalar("batch_loss", loss, step)

    def flush(self) -> None:
        """Let readers see the batches' values; the epochs' are there before a checkpoint handed over later is."""
        if self._batches is not None:
            self._batches.flush()

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        """The epoch's values, those of validation in their own file, under the same tags; the histograms."""
        if self._train is None or self.declared is None:
            return
        epoch, steps = row["epoch"], row["step"] - self._step
        self._step = row["step"]
        values = {n: v for n, v in row.items() if n not in _UNLOGGED and isinstance(v, int | float)}
        training = {n: v for n, v in values.items() if not n.startswith("val_")}
        if steps > 0:
            training["step_milliseconds"] = 1000 * row["seconds"] / steps
        validation = {n[4:]: v for n, v in values.items() if n.startswith("val_")}
        arrays = {}
        if self.declared.histograms and epoch % self.declared.histograms == 0:
            from tfcli.runner.board_pages import histogram_arrays

            arrays = histogram_arrays(self.session)
        self.recorder.later(lambda: self._write(epoch, training, validation, arrays))

    def _write(
        self, epoch: int, training: Mapping[str, float], validation: Mapping[str, float], arrays: Mapping[str, Any]
    ) -> None:
        assert self._train is not None
        self._train.scalars(training, epoch)
        if arrays:
            self._train.histograms(arrays, epoch)
        self._train.flush()
        if self._validation is not None and validation:
            self._validation.scalars(validation, epoch)
            self._validation.flush()

    def _show_model(self) -> None:
        """What is shown of the trained model, where the spec asks for it."""
        declared, train = self.declared, self._train
        if train is None or declared is None or not (declared.embeddings or declared.examples or declared.pr_curves):
            return
        from tfcli.runner.board_pages import model_pages, write_embeddings

        epoch = self.run.metrics()[-1]["epoch"] if self.run.metrics() else 0
        pages = list(model_pages(self.session, declared.examples, declared.pr_curves))
        self.recorder.later(lambda: train.summaries(pages, epoch) if pages else None)
        if declared.embeddings:
            write_embeddings(train.directory, self.session, declared.embeddings)


def graph_nodes(network: Network) -> Iterator[GraphNode]:
    """The network's inputs and layers, in the order in which they run."""
    for name, spec in network.inputs.items():
        yield GraphNode(name, "Placeholder", [], list(spec.shape))
    for step in network.steps:
        assert step.spec is not None, "the network is built"
        yield GraphNode(
            _node_name(step.path), step.layer.type_name, list(map(_node_name, step.sources)), list(step.spec.shape)
        )


def _node_name(path: str) -> str:
    """TensorBoard gives parentheses a meaning of its own."""
    return path.replace("(", "").replace(")", "")
