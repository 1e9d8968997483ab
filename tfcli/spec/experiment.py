"""A whole experiment. Layers, losses, sources and so on are declared where they are implemented."""

from typing import Annotated, Any, Literal

from tfcli.data.spec import DataSpec
from tfcli.declare import Declared, FieldError, Hints, NonNegativeInt
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.optimizers import Optimizer
from tfcli.models.spec import ModelSpec
from tfcli.spec.search import TuneSpec
from tfcli.spec.training import TrainSpec

_MIXED = "mixed precision is not in this version; `float32` trains the same model"


class Experiment(Declared):
    """One experiment: the data, the model, how it is trained, and what is searched."""

    name: str | None = None
    """The run's name; default: the file's."""
    description: str = ""
    seed: NonNegativeInt = 0
    """Every random number comes from it."""
    precision: Annotated[Literal["float32", "float64"], Hints({"mixed_bfloat16": _MIXED, "mixed_float16": _MIXED})] = (
        "float32"
    )
    execution: Literal["graph", "eager"] = "graph"
    """`graph`: compiled; `eager`: step by step, for debugging."""
    data: DataSpec
    model: ModelSpec
    loss: Loss | dict[str, Loss]
    """One loss, or one for each output."""
    loss_weights: dict[str, float] | None = None
    """How much each output's loss counts; default: 1."""
    optimizer: Optimizer = "rmsprop"
    metrics: list[Metric] | dict[str, list[Metric]] = []
    """What is reported besides the loss; a list, or a list for each output."""
    train: TrainSpec = {}
    tune: TuneSpec | None = None

    def check(self) -> None:
        if self.name is not None and not (self.name.strip(" .") and not set("/\\\0") & set(self.name)):
            raise FieldError("name", "a name is part of the run's path: it takes no slash and is more than dots")
        self._check_outputs("loss_weights", self.loss_weights, self.loss)

    def _check_outputs(self, field: str, names: Any, losses: Any) -> None:
        if names is None:
            return
        if not isinstance(losses, dict):
            raise FieldError(field, "weights are for several losses", "give `loss` as `{output name: loss}`")
        for name in names:
            if name not in losses:
                raise FieldError((field, name), f"`{name}` has no loss; the losses are {', '.join(losses)}")
