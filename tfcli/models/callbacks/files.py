"""Callbacks that write: checkpoints, CSV logs, backups."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfcli.errors import SpecError
from tfcli.logging.tensors import load_tensors, save_tensors
from tfcli.models.callbacks.base import Callback
from tfcli.models.callbacks.rules import check_mode, monitored
from tfcli.models.monitors import improves, is_maximized
from tfcli.models.weight_files import KERAS_WEIGHTS_SUFFIX, WEIGHTS_SUFFIX


class ModelCheckpoint(Callback):
    """Saves the model after each epoch (or each `save_freq` batches), all of them or the best by `monitor`.

    `filepath` may have `{epoch:02d}` and `{val_loss:.2f}` in it. The model is saved as `model.save` does, with
    `save_weights_only` as `model.save_weights`: to a path that ends in `.weights.safetensors` or `.weights.h5`. Raises
    SpecError.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Literal["epoch"] | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.filepath = str(filepath)
        is_weights_file = self.filepath.endswith((WEIGHTS_SUFFIX, KERAS_WEIGHTS_SUFFIX))
        if save_weights_only != is_weights_file:
            kind = f"{WEIGHTS_SUFFIX!r} or {KERAS_WEIGHTS_SUFFIX!r}"
            raise SpecError(
                f"ModelCheckpoint: with save_weights_only=True, and only then, the file must end in {kind}, "
                f"got {self.filepath!r}"
            )
        self.save_weights_only = save_weights_only
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise SpecError(f"ModelCheckpoint: save_freq must be 'epoch' or a number of batches, got {save_freq!r}")
        self.monitor, self.verbose, self.save_best_only = monitor, verbose, save_best_only
        self.mode, self.save_freq, self.best = check_mode("ModelCheckpoint", mode), save_freq, initial_value_threshold
        self._batches = self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % self.save_freq == 0:
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Mapping[str, Any]) -> None:
        if self.save_best_only:
            value = monitored(self, logs)
            if value is None or not improves(value, self.best, is_maximized(self.monitor, self.mode)):
                return
            self.best = value
        places = {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1}) | dict(logs)
        try:
            path = self.filepath.format(**places)
        except KeyError as error:
            raise SpecError(
                f"ModelCheckpoint: {self.filepath!r} names {error}; known are {', '.join(places)}"
            ) from error
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path)


class BackupAndRestore(Callback):
    """Saves the state of training after each epoch, and goes on from there when `fit` is called again after an
    interruption.
    """

    def __init__(
        self, backup_dir: str | Path, save_freq: Literal["epoch"] = "epoch", delete_checkpoint: bool = True
    ) -> None:
        super().__init__()
        if save_freq != "epoch":
            raise SpecError(f"BackupAndRestore saves after epochs: save_freq must be 'epoch', got {save_freq!r}")
        self.path = Path(backup_dir) / "state.safetensors"
        self.delete_checkpoint = delete_checkpoint

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.path.exists():
            held = load_tensors(self.path)
            self.model.restore_training_state({name: a for name, a in held.items() if name != "epoch"})
            self.model.initial_epoch = int(held["epoch"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(self.path, self.model.training_state() | {"epoch": np.asarray(epoch + 1)})

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.delete_checkpoint:
            self.path.unlink(missing_ok=True)


class CSVLogger(Callback):
    """Writes a line for each epoch, with all its results."""

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.separator, self.append = Path(filename), separator, append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._has_header = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = self.filename.open("a" if self.append else "w", newline="")
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not self._has_header:
                csv.writer(self._file, delimiter=self.separator).writerow(["epoch", *self.keys])
        csv.writer(self._file, delimiter=self.separator).writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._file.close()
