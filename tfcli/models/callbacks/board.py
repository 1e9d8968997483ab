"""The callback that writes TensorBoard's event files."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfcli.errors import SpecError
from tfcli.logging.events import EventWriter, GraphNode
from tfcli.models.callbacks.base import Callback


class TensorBoard(Callback):
    """Writes the results of epochs to event files in `log_dir`: train/ and validation/.

    `histogram_freq`: the weights' histograms every so many epochs, with `write_images` as pictures, too. `write_graph`:
    the layers, where the model says how they are wired. `write_steps_per_second`: how fast training is. `update_freq`:
    results of each batch, too, or of each so many. Raises SpecError for `profile_batch` and `embeddings_freq`, which
    `tfcli profile` and `train.tensorboard.embeddings` of a spec are for.
    """

    def __init__(
        self,
        log_dir: str | Path = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Literal["epoch", "batch"] | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
    ) -> None:
        super().__init__()
        if profile_batch:
            raise SpecError(
                "TensorBoard(profile_batch=…): TensorBoard has no profile page any more; use `tfcli profile`"
            )
        if embeddings_freq:
            raise SpecError("TensorBoard(embeddings_freq=…): name the layers in a spec's train.tensorboard.embeddings")
        self.log_dir, self.histogram_freq, self.write_graph = Path(log_dir), histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.every = update_freq if isinstance(update_freq, int) else {"epoch": 0, "batch": 1}[update_freq]
        self._step = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._train, self._validation = EventWriter(self.log_dir / "train"), EventWriter(self.log_dir / "validation")

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._began = (self._step, time.perf_counter())

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._step += 1
        if self.every and self._step % self.every == 0:
            self._train.scalars({f"batch_{key}": value for key, value in (logs or {}).items()}, self._step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {key: float(value) for key, value in (logs or {}).items() if np.ndim(value) == 0}
        training = {f"epoch_{key}": v for key, v in values.items() if not key.startswith("val_")}
        if self.write_steps_per_second:
            step, began = self._began
            training["epoch_steps_per_second"] = (self._step - step) / (time.perf_counter() - began)
        self._train.scalars(training, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        validation = {f"epoch_{key[4:]}": v for key, v in values.items() if key.startswith("val_")}
        if validation:
            self._validation.scalars(validation, epoch)

    def _write_weights(self, epoch: int) -> None:
        weights = {weight.path: weight.numpy() for weight in self.model.weights}
        self._train.histograms(weights, epoch)
        if self.write_images:
            from tfcli.logging.summaries import images

            pictures = {path: _picture(array) for path, array in weights.items() if array.ndim > 1}
            self._train.summaries([images(f"{path}/image", picture) for path, picture in pictures.items()], epoch)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.write_graph:
            nodes = list(_nodes(self.model))
            if nodes:
                self._train.graph(nodes)
        self._train.close()
        self._validation.close()


def _picture(array: np.ndarray) -> np.ndarray:
    """A weight as one grey picture (1, rows, last axis, 1), from 0 to 1."""
    rows = array.reshape(1, -1, array.shape[-1], 1)
    low, high = rows.min(), rows.max()
    return (rows - low) / max(high - low, 1e-12)


def _nodes(model: Any) -> Iterator[GraphNode]:
    """The layers of a model, in their order; none of a subclassed one."""
    from tfcli.models.summary import model_boxes

    try:
        boxes = model_boxes(model, ())
    except SpecError:
        return
    for box in boxes:
        yield GraphNode(box.name, box.lines[0], list(box.inputs), None)
