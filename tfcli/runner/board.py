"""What a run writes for TensorBoard: scalars by epoch or batch, weight histograms, the model's graph, embeddings."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.logging.durable import write_text
from tfcli.logging.events import EventWriter, GraphNode
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.network import Network
from tfcli.runner.session import Session, embedding_weight

_UNLOGGED = ("epoch", "step", "seconds", "examples_per_second")


class Board:
    """Event files under train/ and validation/, whose steps are epochs, and train/batches/.

    A context manager that does nothing where the spec says `tensorboard: null`.
    """

    def __init__(self, run: RunDirectory, session: Session, resumed: tuple[int, int] | None) -> None:
        """`resumed`: the epoch and the step that a resumed run goes on from."""
        self.declared = session.experiment.train.tensorboard
        self.session = session
        self._is_resumed = resumed is not None
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
        if self._train is not None and self.declared is not None and self.declared.graph and not self._is_resumed:
            self._train.graph(graph_nodes(self.session.network))
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        for writer in (self._train, self._validation, self._batches):
            if writer is not None:
                writer.close()
        if kind is None and self._train is not None and self.declared is not None and self.declared.embeddings:
            write_embeddings(self._train.directory, self.session.network, self.declared.embeddings)

    def after_batch(self, step: int, batch: int, loss: float) -> None:
        """The running loss, where `update_freq` asks for it."""
        if self._batches is None or self.declared is None:
            return
        every = self.declared.update_freq if isinstance(self.declared.update_freq, int) else 1
        if batch % every == 0:
            self._batches.scalar("batch_loss", loss, step)

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        """The epoch's values, those of validation in their own file, under the same tags; the weights' histograms."""
        if self._train is None or self.declared is None:
            return
        epoch = row["epoch"]
        values = {n: v for n, v in row.items() if n not in _UNLOGGED and isinstance(v, int | float)}
        self._train.scalars({n: v for n, v in values.items() if not n.startswith("val_")}, epoch)
        if self.declared.histograms and epoch % self.declared.histograms == 0:
            self._train.histograms({weight.path: weight.array for weight in self.session.network.weights}, epoch)
        self._train.flush()
        if self._validation is not None:
            self._validation.scalars({n[4:]: v for n, v in values.items() if n.startswith("val_")}, epoch)
            self._validation.flush()


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


def write_embeddings(directory: Path, network: Network, names: list[str]) -> None:
    """The vectors of each embedding layer as a TSV file, and the projector page's list of them."""
    from google.protobuf.text_format import MessageToString
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    for name in names:
        weight = embedding_weight(network, name)
        assert weight is not None, "checked with the spec"
        file = f"{name.replace('/', '-')}.tsv"
        text = io.StringIO()
        np.savetxt(text, weight.array, fmt="%.6g", delimiter="\t")
        write_text(directory / file, text.getvalue())
        config.embeddings.add(tensor_name=weight.path, tensor_path=file)
    write_text(directory / "projector_config.pbtxt", MessageToString(config))
