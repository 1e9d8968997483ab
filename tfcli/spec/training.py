"""The `train:` section of a spec."""

import re
from typing import Annotated, Any, Literal

from tfcli.declare import (
    Declared,
    FieldError,
    FunctionName,
    NonNegativeFloat,
    NonNegativeInt,
    PathString,
    PositiveInt,
    Probability,
    Range,
)
from tfcli.declare.sizes import bytes_of

MonitorMode = Literal["auto", "min", "max"]
RUN_FILES = ("spec.yaml", "environment.json", "status.json", "metrics.jsonl", "summary.json", "model.safetensors")
"""What a run directory has in any case."""


class EarlyStopping(Declared):
    """Stops training when a reported value has stopped improving."""

    monitor: str = "val_loss"
    min_delta: NonNegativeFloat = 0.0
    """A change smaller than this is no improvement."""
    patience: NonNegativeInt = 0
    """Epochs without improvement before training stops."""
    mode: MonitorMode = "auto"
    baseline: float | None = None
    """Stop if the value does not get better than this."""
    restore_best_weights: bool = False
    start_from_epoch: NonNegativeInt = 0


class ReduceLROnPlateau(Declared, name="reduce_lr_on_plateau"):
    """Lowers the learning rate when a reported value has stopped improving."""

    monitor: str = "val_loss"
    factor: Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)] = 0.1
    """The learning rate is multiplied by this."""
    patience: NonNegativeInt = 10
    """Epochs without improvement before it is lowered."""
    mode: MonitorMode = "auto"
    min_delta: NonNegativeFloat = 1e-4
    cooldown: NonNegativeInt = 0
    """Epochs to wait after lowering it before counting again."""
    min_lr: NonNegativeFloat = 0.0


class Checkpoint(Declared):
    """When training is saved, and how many states are kept.

    A checkpoint has everything that training depends on: it is what Keras's BackupAndRestore writes, and
    `tfcli train --resume` restores it. Its weights are what ModelCheckpoint writes, for `evaluate --checkpoint`.
    """

    every_epochs: PositiveInt | None = 1
    every_steps: PositiveInt | None = None
    keep: PositiveInt = 3
    """The newest checkpoints to keep; the best one is kept besides."""
    monitor: str | None = None
    """What tells the best checkpoint; default: `val_loss` with validation data, else `loss`."""
    mode: MonitorMode = "auto"
    """Whether less or more of it is better; `auto` asks the metric of that name."""
    save_best_only: bool = False
    """Save only after an epoch that is the best so far; a run that was cut off goes on from there."""
    initial_value_threshold: float | None = None
    """No epoch is the best that is not better than this."""

    def check(self) -> None:
        if self.save_best_only and self.every_steps is not None:
            raise FieldError("every_steps", "only an epoch can be the best one", "leave it out, or `save_best_only`")
        if self.save_best_only and self.every_epochs is None:
            raise FieldError("save_best_only", "no epoch is saved", "set `every_epochs`, or leave it out")


class LearningRateWarmup(Declared):
    """Raises the learning rate in a line at the beginning.

    It multiplies what `optimizer.learning_rate` says, a number or a schedule, and goes with `reduce_lr_on_plateau`: in
    step s of the first n the rate is (start_factor + (1 - start_factor) * s / n) times as large as without it.
    """

    epochs: PositiveInt | None = None
    """How long, in epochs."""
    steps: PositiveInt | None = None
    """How long, in batches."""
    start_factor: Probability = 0.0
    """What the rate is multiplied by in the first step."""

    def check(self) -> None:
        if (self.epochs is None) == (self.steps is None):
            raise FieldError((), "a warm-up needs its length, one of `epochs` and `steps`", "`{epochs: 2}`, say")


class SwapEMAWeights(Declared, name="swap_ema_weights"):
    """Validates with the moving averages of the weights that `use_ema` of the optimizer keeps.

    Training goes on with the weights themselves. The averages become the model's weights at the end.
    """

    swap_on_epoch: bool = False
    """The averages also are what checkpoints, best weights and own callbacks see after an epoch."""


class CSVLog(Declared, name="csv_log"):
    """A table of the epochs' results in the run directory, as Keras's CSVLogger writes it; epochs count from 0."""

    filename: str = "training.csv"
    separator: str = ","

    def check(self) -> None:
        if not re.fullmatch(r"\w[\w.-]*", self.filename) or self.filename in RUN_FILES:
            raise FieldError("filename", f"{self.filename!r} cannot be a file of the run directory", "`training.csv`")
        if len(self.separator) != 1:
            raise FieldError("separator", f"expected one character, got {self.separator!r}")


class OwnCallback(Declared, name="callback"):
    """A callback of your own: a Python class with Keras's hooks (`on_epoch_end(epoch, logs)` and so on).

    `self.model` has `layers`, `weights`, `optimizer`, `get_weights`, `set_weights` and `stop_training`. What it needs
    to go on after an interruption, `get_state()` returns as plain data, and `set_state(state)` takes back.
    """

    callback: FunctionName
    """`module:Class`; the module stands beside the spec, or is installed."""
    arguments: dict[str, Any] = {}
    """What the class is called with, by name."""


class TensorBoard(Declared, name="tensorboard"):
    """What the event files hold besides the loss, the metrics and the learning rate."""

    histograms: NonNegativeInt = 0
    """Histograms of weights, gradients and activations every so many epochs; 0: none."""
    graph: bool = True
    """The model as a graph of its layers."""
    update_freq: Literal["epoch", "batch"] | PositiveInt = "epoch"
    """How often the values are written: each epoch, each batch, or each so many batches."""
    embeddings: list[str] = []
    """Names of embedding layers to show in the projector."""
    examples: NonNegativeInt = 0
    """How many inputs are shown as pictures, sounds or texts, and how many that the trained classifier gets wrong; of
    an image model the filters of its first convolution as well."""
    pr_curves: bool = False
    """Precision against recall for each class, on the validation data after training."""


class TrainSpec(Declared, name="train"):
    """How long and how the model is trained."""

    epochs: PositiveInt = 1
    steps_per_epoch: PositiveInt | None = None
    """Batches in an epoch; default: all the data."""
    validation_freq: PositiveInt = 1
    """Validate after every so many epochs."""
    initial_weights: PathString | None = None
    """A weights file or a run directory to start from."""
    freeze: list[str] = []
    """Layers whose weights stay as they are: paths, with `*` for any name."""
    class_weight: dict[int, NonNegativeFloat] | None = None
    """How much an example of each class counts in the loss."""
    early_stopping: EarlyStopping | None = None
    reduce_lr_on_plateau: ReduceLROnPlateau | None = None
    checkpoint: Checkpoint | None = {}  # type: ignore[assignment]
    """null: only the finished model is saved."""
    learning_rate_warmup: LearningRateWarmup | None = None
    swap_ema_weights: bool | SwapEMAWeights = False
    csv_log: bool | CSVLog = False
    callbacks: list[FunctionName | OwnCallback] = []
    """Callbacks of your own, called in this order; their code runs when the spec is trained."""
    on_end: str | None = None
    """A shell command to run when training ends, in the current folder, with the run in TFCLI_RUN and its state in
    TFCLI_STATUS."""
    terminate_on_nan: bool = True
    """Stop with an error when the loss is not a number."""
    memory_limit: str | PositiveInt | None = None
    """How much memory the process may take, as in `2GB`; default: what the machine, the container and `ulimit -v`
    allow."""
    tensorboard: TensorBoard | None = {}  # type: ignore[assignment]
    """null: no event files."""

    def check(self) -> None:
        if self.memory_limit is not None and not bytes_of(self.memory_limit):
            raise FieldError("memory_limit", f"{self.memory_limit!r} is no amount of memory", "`2GB` or `512MiB`, say")
        if self.swap_ema_weights is True:
            self.swap_ema_weights = SwapEMAWeights()
        if self.csv_log is True:
            self.csv_log = CSVLog()
        self.callbacks = [OwnCallback(callback=c) if isinstance(c, str) else c for c in self.callbacks]
