"""A whole experiment. Layers, losses, sources and so on are declared where they are implemented."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from tfcli.data.spec import DataSpec
from tfcli.declare import Declared, FieldError, Hints, ModuleName, NonNegativeInt, Path, nearest
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.optimizers import Optimizer
from tfcli.models.schedules import Schedule
from tfcli.models.spec import ModelSpec
from tfcli.spec.search import TuneSpec
from tfcli.spec.training import TrainSpec


class Experiment(Declared):
    """One experiment: the data, the model, how it is trained, and what is searched."""

    name: str | None = None
    """The run's name; default: the file's."""
    description: str = ""
    seed: NonNegativeInt = 0
    """Every random number comes from it."""
    precision: Annotated[
        Literal["float32", "float64", "mixed_bfloat16", "mixed_float16"],
        Hints(
            dict.fromkeys(
                ("bfloat16", "float16", "bf16", "fp16", "half"), "give it as `mixed_…`: weights and sums stay float32"
            )
        ),
    ] = "float32"
    """What weights and arithmetic are. In mixed precision the operands of products (dense and convolution layers,
    attention) are rounded to 16 bits, which some processors multiply twice as fast; `mixed_float16` scales the loss.
    """
    execution: Literal["graph", "eager"] = "graph"
    """`graph`: compiled; `eager`: step by step, for debugging."""
    data: DataSpec
    model: ModelSpec
    loss: Loss | dict[str, Loss]
    """One loss, or one for each output."""
    loss_weights: dict[str, float] | None = None
    """How much each output's loss counts; default: 1."""
    optimizer: Optimizer = "rmsprop"  # type: ignore[assignment]
    metrics: list[Metric] | dict[str, list[Metric]] = []
    """What is reported besides the loss; a list, or a list for each output."""
    train: TrainSpec = {}  # type: ignore[assignment]
    tune: TuneSpec | None = None
    plugins: list[ModuleName] = []
    """Python modules of your own whose layers, losses, metrics and so on this spec names; they run when it is read."""

    def check(self) -> None:
        if self.name is not None and not (self.name.strip(" .") and not set("/\\\0") & set(self.name)):
            raise FieldError("name", "a name is part of the run's path: it takes no slash and is more than dots")
        if self.loss_weights is not None and not isinstance(self.loss, dict):
            raise FieldError("loss_weights", "weights are for several losses", "give `loss` as `{output name: loss}`")
        self._check_output_names()
        self._check_training()
        if not self.has_validation:
            self._check_monitors()

    def _check_training(self) -> None:
        """What `train` asks of the optimizer, it must have."""
        if self.train.swap_ema_weights and not self.optimizer.use_ema:
            message = "there are no averages to validate with: the optimizer keeps none"
            raise FieldError(("train", "swap_ema_weights"), message, "set `use_ema: true` under `optimizer`")
        if self.train.reduce_lr_on_plateau is not None and isinstance(self.optimizer.learning_rate, Schedule):
            message = "the learning rate follows a schedule, which nothing else can lower"
            raise FieldError(
                ("train", "reduce_lr_on_plateau"),
                message,
                "give `optimizer.learning_rate` as a number, or leave it out",
            )

    @property
    def has_validation(self) -> bool:
        split = self.data.split
        return self.data.validation is not None or (split is not None and split.has("validation"))

    def _check_output_names(self) -> None:
        outputs = self.model.outputs
        known = [outputs] if isinstance(outputs, str) else outputs
        if isinstance(self.loss, dict) and known is not None:
            self._check_names("loss", self.loss, known, "output")
        if isinstance(self.loss, dict):
            self._check_names("loss_weights", self.loss_weights or {}, list(self.loss), "output with a loss")
        if isinstance(self.metrics, dict) and known is not None:
            self._check_names("metrics", self.metrics, known, "output")

    def _check_names(self, field: str, given: Iterable[str], known: list[str], what: str) -> None:
        for name in given:
            if name not in known:
                hint = nearest(name, known) or f"there are {', '.join(f'`{k}`' for k in known)}"
                raise FieldError((field, name), f"there is no {what} called `{name}`", hint)

    def _check_monitors(self) -> None:
        """What is watched must be reported: without validation data there is no `val_…`."""
        watched: dict[Path, Any] = {
            ("train", "early_stopping", "monitor"): self.train.early_stopping,
            ("train", "reduce_lr_on_plateau", "monitor"): self.train.reduce_lr_on_plateau,
            ("train", "checkpoint", "monitor"): self.train.checkpoint,
            **{("tune", "objective", i): name for i, name in enumerate(self.tune.objectives if self.tune else [])},
        }
        for path, section in watched.items():
            name = section if isinstance(section, str) else getattr(section, str(path[-1]), None)
            if name is not None and name.startswith("val_"):
                hint = "add it, as in `data.split: {validation: 0.2}`, or watch `" + name.removeprefix("val_") + "`"
                raise FieldError(path, f"`{name}` needs validation data, and there is none", hint)
