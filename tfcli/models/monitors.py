"""Early stopping and learning-rate reduction: what they have seen, and what they decide after an epoch."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from tfcli.models.metrics import Metric

MonitorMode = Literal["auto", "min", "max"]


class StoppingRule(Protocol):
    """The settings of early stopping."""

    monitor: str
    min_delta: float
    patience: int
    mode: MonitorMode
    baseline: float | None
    restore_best_weights: bool
    start_from_epoch: int


class PlateauRule(Protocol):
    """The settings of learning-rate reduction."""

    monitor: str
    factor: float
    patience: int
    mode: MonitorMode
    min_delta: float
    cooldown: int
    min_lr: float


def is_maximized(monitor: str, mode: MonitorMode = "auto") -> bool:
    """Whether more is better. `auto` asks the metric whose name `monitor` has, behind `val_` or an output's name."""
    if mode != "auto":
        return mode == "max"
    name = monitor.removeprefix("val_")
    if name == "loss":
        return False  # is no metric's name, and to look for one would load the plugins of installed packages
    assert Metric.registry is not None
    words = re.sub(r"_\d+$", "", name).split("_")
    classes = (Metric.registry.find("_".join(words[start:])) for start in range(len(words)))
    found = next((cls for cls in classes if cls is not None), None)
    return found is not None and found.direction == "maximize"  # type: ignore[attr-defined]


def improves(value: float, best: float | None, maximized: bool, min_delta: float = 0.0) -> bool:
    """Whether `value` is better than `best` by more than `min_delta`. NaN never is."""
    if math.isnan(value):
        return False
    if best is None:
        return True
    return value - min_delta > best if maximized else value + min_delta < best


class StoppingState:
    """EarlyStopping's memory, in Keras's arithmetic."""

    def __init__(self, declared: StoppingRule) -> None:
        self.declared = declared
        self.best: float | None = declared.baseline
        self.best_epoch: int | None = None
        self.wait = 0

    def after_epoch(self, epoch: int, row: Mapping[str, Any]) -> tuple[bool, bool]:
        """(this epoch is the best so far, training should stop); `epoch` counts from 0."""
        declared = self.declared
        value = row.get(declared.monitor)
        if value is None or epoch < declared.start_from_epoch:
            return False, False
        maximized = is_maximized(declared.monitor, declared.mode)
        self.wait += 1
        if improves(value, self.best, maximized, declared.min_delta):
            self.best, self.best_epoch, self.wait = value, epoch, 0
            return True, False
        first = self.best_epoch is None and declared.restore_best_weights and self.wait == 1
        return first, self.wait >= declared.patience and epoch > 0

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "wait": self.wait}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_epoch, self.wait = state["best"], state["best_epoch"], state["wait"]


class PlateauState:
    """ReduceLROnPlateau's memory, in Keras's arithmetic."""

    def __init__(self, declared: PlateauRule) -> None:
        self.declared = declared
        self.best: float | None = None
        self.wait = self.cooldown = 0

    def after_epoch(self, row: Mapping[str, Any], learning_rate: float) -> float | None:
        """The new learning rate, or None where it stays."""
        declared = self.declared
        value = row.get(declared.monitor)
        if value is None:
            return None
        if self.cooldown > 0:
            self.cooldown, self.wait = self.cooldown - 1, 0
        if improves(value, self.best, is_maximized(declared.monitor, declared.mode), declared.min_delta):
            self.best, self.wait = value, 0
            return None
        if self.cooldown > 0:
            return None
        self.wait += 1
        if self.wait < declared.patience or learning_rate <= declared.min_lr:
            return None
        self.cooldown, self.wait = declared.cooldown, 0
        return max(learning_rate * declared.factor, declared.min_lr)

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "cooldown": self.cooldown}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best, self.wait, self.cooldown = state["best"], state["wait"], state["cooldown"]
