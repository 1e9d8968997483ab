"""The `train:` section of a spec."""

from typing import Annotated, Literal

from tfcli.declare import Declared, NonNegativeFloat, NonNegativeInt, PathString, PositiveInt, Range

MonitorMode = Literal["auto", "min", "max"]


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
    """When training is saved, so that it can go on after an interruption, and how many states are kept."""

    every_epochs: PositiveInt | None = 1
    every_steps: PositiveInt | None = None
    keep: PositiveInt = 3
    """The newest checkpoints to keep; the best one is kept besides."""
    monitor: str | None = None
    """What tells the best checkpoint; default: `val_loss` with validation data, else `loss`."""


class TensorBoard(Declared, name="tensorboard"):
    """What the event files hold besides the loss, the metrics and the learning rate."""

    histograms: NonNegativeInt = 0
    """Weight histograms every so many epochs; 0: none."""
    graph: bool = True
    update_freq: Literal["epoch", "batch"] | PositiveInt = "epoch"
    """How often the values are written: each epoch, each batch, or each so many batches."""
    embeddings: list[str] = []
    """Names of embedding layers to show in the projector."""


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
    terminate_on_nan: bool = True
    """Stop with an error when the loss is not a number."""
    tensorboard: TensorBoard | None = {}  # type: ignore[assignment]
    """null: no event files."""
