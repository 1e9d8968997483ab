"""A small spec language: kinds of its own, with the real `train` and `tune` sections."""

from typing import Annotated, Literal

from tfcli.declare import (
    Declared,
    DropRate,
    FieldError,
    NonNegativeFloat,
    PathString,
    PositiveFloat,
    PositiveInt,
    Range,
)
from tfcli.spec.search import TuneSpec
from tfcli.spec.training import TrainSpec


def register(cls):
    cls.registry.add(cls)
    return cls


class Schedule(Declared, kind="schedule"):
    """A learning rate by step."""


@register
class CosineDecay(Schedule):
    """Half a cosine."""

    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    alpha: float = 0.0


class Optimizer(Declared, kind="optimizer"):
    """How weights follow gradients."""

    learning_rate: PositiveFloat | Schedule = 0.001
    """The step size."""


@register
class Adam(Optimizer):
    """Adam."""

    beta_1: Annotated[float, Range(low=0, high=1, open_high=True)] = 0.9
    clipnorm: PositiveFloat | None = None


@register
class SGD(Optimizer, name="sgd"):
    """Stochastic gradient descent."""

    momentum: float = 0.0
    nesterov: bool = False


class Initializer(Declared, kind="initializer"):
    """First values of a weight."""


@register
class Zeros(Initializer):
    """Zeros."""


@register
class GlorotUniform(Initializer):
    """Uniform, by fan-in and fan-out."""

    seed: int | None = None


class Layer(Declared, kind="layer"):
    """A layer."""

    name: str | None = None
    inputs: str | list[str] | None = None


@register
class Dense(Layer):
    """x (N, D) -> (N, units)."""

    units: PositiveInt
    """Width of the output."""
    activation: Literal["relu", "gelu", "softmax", "tanh"] | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"


@register
class Conv2D(Layer):
    """A convolution."""

    filters: PositiveInt
    kernel_size: PositiveInt | tuple[PositiveInt, PositiveInt]
    strides: PositiveInt | tuple[PositiveInt, PositiveInt] = (1, 1)
    padding: Literal["valid", "same"] = "valid"
    activation: Literal["relu", "gelu"] | None = None

    def check(self) -> None:
        if self.padding == "same" and self.kernel_size == 13:
            raise FieldError("kernel_size", "13 is unlucky with `padding: same`")


@register
class Flatten(Layer):
    """(N, …) -> (N, all)."""


@register
class Dropout(Layer):
    """Zeroes entries while training."""

    rate: DropRate


@register
class Block(Layer):
    """A stack, repeated."""

    repeat: PositiveInt = 1
    layers: list[Layer]


class Loss(Declared, kind="loss"):
    """What training makes small."""


@register
class MeanSquaredError(Loss):
    """Mean of the squared difference."""


Loss.registry.classes["mse"] = MeanSquaredError


@register
class SparseCategoricalCrossentropy(Loss):
    """For class numbers."""

    from_logits: bool = False


class Metric(Declared, kind="metric"):
    """What is reported."""


@register
class Accuracy(Metric):
    """The share that is right."""


@register
class TopK(Metric, name="top_k"):
    """Whether the label is among the k most probable."""

    k: PositiveInt = 5


class Source(Declared, kind="source"):
    """Where data comes from."""


@register
class Csv(Source):
    """A table of text."""

    path: PathString
    label: str | list[str] | None = None
    delimiter: str = ","
    missing_values: list[str] = ["", "NA", "?"]


@register
class Bundled(Source):
    """A data set that comes with the package."""

    name: Literal["digits", "iris"]


class Split(Declared):
    """How the source is divided."""

    validation: Annotated[float, Range(low=0, high=1, open_high=True)] = 0.0
    test: Annotated[float, Range(low=0, high=1, open_high=True)] = 0.0
    stratify: bool = False


class Data(Declared):
    """Data."""

    source: Source
    split: Split = {}


class Model(Declared):
    """Layers in order."""

    inputs: dict[str, list[PositiveInt]] | None = None
    layers: list[Layer]
    outputs: str | list[str] | None = None


class Experiment(Declared):
    """A small experiment."""

    name: str | None = None
    description: str = ""
    seed: int = 0
    data: Data
    model: Model
    loss: Loss | dict[str, Loss]
    optimizer: Optimizer = "adam"
    metrics: list[Metric] | dict[str, list[Metric]] = []
    train: TrainSpec = {}
    tune: TuneSpec | None = None
