"""Callbacks that stop training or change the learning rate."""

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from tfcli.engine.tensor import Tensor, Variable
from tfcli.errors import SpecError
from tfcli.models.callbacks.base import Callback
from tfcli.models.monitors import MonitorMode, PlateauState, StoppingState


def monitored(callback: Any, logs: Mapping[str, Any] | None) -> float | None:
    """The value that a callback monitors; a warning where there is none."""
    value = (logs or {}).get(callback.monitor)
    if value is None:
        known = ", ".join(logs or {})
        warnings.warn(
            f"{type(callback).__name__} monitors `{callback.monitor}`, which is not reported; there are: {known}",
            stacklevel=3,
        )
    return value


def check_mode(callback: str, mode: str) -> MonitorMode:
    if mode not in ("auto", "min", "max"):
        raise SpecError(f"{callback}: mode must be 'auto', 'min' or 'max', got {mode!r}")
    return mode  # type: ignore[return-value]


class EarlyStopping(Callback):
    """Stops training when a reported value has stopped improving."""

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.monitor, self.min_delta, self.patience, self.verbose = monitor, abs(min_delta), patience, verbose
        self.mode = check_mode("EarlyStopping", mode)
        self.baseline, self.restore_best_weights, self.start_from_epoch = (
            baseline,
            restore_best_weights,
            start_from_epoch,
        )
        self.on_train_begin()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._state = StoppingState(self)
        self.stopped_epoch = 0
        self.best_weights: list[Any] | None = None

    @property
    def best(self) -> float | None:
        return self._state.best

    @property
    def best_epoch(self) -> int:
        return self._state.best_epoch or 0

    @property
    def wait(self) -> int:
        return self._state.wait

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if monitored(self, logs) is None:
            return
        is_best, stops = self._state.after_epoch(epoch, logs or {})
        if is_best and self.restore_best_weights:
            self.best_weights = self.model.get_weights()
        if stops:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate when a reported value has stopped improving."""

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__()
        if factor >= 1.0:
            raise SpecError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        self.monitor, self.factor, self.patience, self.verbose = monitor, factor, patience, verbose
        self.mode = check_mode("ReduceLROnPlateau", mode)
        self.min_delta, self.cooldown, self.min_lr = min_delta, cooldown, min_lr
        self._state = PlateauState(self)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._state = PlateauState(self)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        before = logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        if monitored(self, logs) is None:
            return
        lowered = self._state.after_epoch(logs, before)
        if lowered is not None:
            self.model.optimizer.learning_rate = lowered
            if self.verbose:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lowered}.")


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch to `schedule(epoch, learning_rate)`, or `schedule(epoch)`."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        import inspect

        takes_rate = len(inspect.signature(self.schedule).parameters) > 1
        rate = self.schedule(epoch, float(self.model.optimizer.learning_rate)) if takes_rate else self.schedule(epoch)
        if not isinstance(rate, Tensor | Variable) and not hasattr(rate, "__float__"):
            raise SpecError(f"LearningRateScheduler: the schedule must return a number, got {rate!r}")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        assert logs is not None
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class TerminateOnNaN(Callback):
    """Stops training when the loss is no number."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
