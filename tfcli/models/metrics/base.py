"""Metric: numbers kept in variables over batches, and what is reported of them."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from tfcli.declare import Declared, squash
from tfcli.engine.ops.elementwise import cast, divide_no_nan
from tfcli.engine.ops.reduce import reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_like, ones_like
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import SpecError
from tfcli.models.initializers import Initializer
from tfcli.models.losses.base import Loss, align, in_dtype, loss_dtype, masked_weights, match_ranks
from tfcli.models.nodes import make

UNDECLARED: Any = None
"""What a base class has for a setting that some classes below it declare as a field."""


class Metric(Declared, kind="metric"):
    """Base of the metrics.

    A subclass gives the shapes of its `states`, which start at zero and live in `self.variables`; adds a batch to them
    in `update`; and computes the reported number in `result`. All in ops, so that it runs in a traced training step.
    """

    direction: ClassVar[Literal["minimize", "maximize"]] = "minimize"
    default_name: ClassVar[str | None] = None
    """What reports call it where that is not its type."""
    state_dtype: ClassVar[str | None] = None
    """The dtype of the states where it is not the model's."""
    keeps_targets: ClassVar[bool] = False
    """y_true reaches `update` in its own dtype."""

    name: str | None = None
    """What reports call it; by default its type."""
    dtype: Literal["float32", "float64"] | None = None
    """What it is computed in; by default the model's precision, at least float32."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.name is None:
            self.name = self.report_name

    @classmethod
    def from_name(cls, name: str) -> dict[str, Any]:
        """A metric asked for by an alias is reported under it, as in Keras: `mse`, not `mean_squared_error`."""
        return {} if squash(name) == squash(cls.type_name) else {"name": name}

    @classmethod
    def from_value(cls, value: Any) -> "Metric | None":
        return MeanMetricWrapper(value) if callable(value) else None

    def resolve(self, y_true: TensorSpec, y_pred: TensorSpec) -> "Metric":
        """The metric to compute for targets and predictions like these."""
        return self

    @property
    def report_name(self) -> str:
        """The key in logs and histories."""
        return self.name or self.default_name or self.type_name

    def states(self, y_true: TensorSpec, y_pred: TensorSpec) -> dict[str, tuple[int, ...]]:
        """The shape of each state. Raises ShapeError where y_true or y_pred do not fit the metric."""
        raise SpecError(f"the metric `{self.type_name}` does not define states(self, y_true, y_pred)")

    def update(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> None:
        """Add a batch to the states; all arguments float, of the metric's dtype."""
        raise SpecError(f"the metric `{self.type_name}` does not define update(self, y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """The number, or the vector of numbers, of all batches since the last reset."""
        raise SpecError(f"the metric `{self.type_name}` does not define result(self)")

    def build(self, y_true: TensorSpec, y_pred: TensorSpec) -> None:
        """Make the states, once. Raises ShapeError."""
        if "variables" in self.__dict__:
            return
        dtype = self.state_dtype or self.dtype or loss_dtype(y_pred.dtype).name
        shapes = self.states(y_true, y_pred)
        self.variables: dict[str, Variable] = {
            name: Variable(np.zeros(shape, dtype), trainable=False, name=f"{self.report_name}/{name}")
            for name, shape in shapes.items()
        }

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. sample_weight (N,), or of the shape of the values; examples masked in y_pred do not count."""
        y_pred = convert_to_tensor(y_pred)
        y_true = convert_to_tensor(y_true)
        self.build(y_true.spec, y_pred.spec)
        mask, dtype = y_pred.mask, self.dtype or loss_dtype(y_pred.dtype)
        y_pred = in_dtype(y_pred, dtype)
        weights = masked_weights(sample_weight, mask, y_pred.dtype)
        self.update(y_true if self.keeps_targets else cast(y_true, y_pred.dtype), y_pred, weights)

    def add(self, **amounts: Tensor) -> None:
        """Add to states, by name."""
        for name, amount in amounts.items():
            self.variables[name].assign_add(cast(amount, self.variables[name].dtype))

    def add_variable(
        self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None, **common: Any
    ) -> Variable:
        """A state for a class of the user's own, which sets it in an `update_state(y_true, y_pred,
        sample_weight=None)` of its own.
        """
        if isinstance(shape, str):  # Keras 2: the name first
            name, shape = shape, common.pop("shape", ())
        held = self.__dict__.setdefault("variables", {})
        name = name or f"variable_{len(held)}"
        value = make(Initializer, initializer)(tuple(shape), dtype or self.dtype or "float32").array
        held[name] = Variable(value, trainable=False, name=f"{self.name}/{name}")
        return held[name]

    add_weight = add_variable

    def reset_state(self) -> None:
        """Forget all batches, also in the metrics held in attributes."""
        for variable in self.__dict__.get("variables", {}).values():
            variable.assign(np.zeros(tuple(variable.shape), variable.dtype.numpy))
        for part in self.__dict__.values():
            if isinstance(part, Metric):
                part.reset_state()

    def __getattr__(self, name: str) -> Any:
        variables = self.__dict__.get("variables", {})
        if name in variables:
            return variables[name]
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()


def _per_example(values: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Weighted values and their weights, one an example: means over all other axes.

    Weights count for the axes that they have; the values are first averaged over the rest.
    """
    if weights is not None:
        values, weights = match_ranks(values, weights)
        rank = len(weights.shape)
        if len(values.shape) > rank:
            values = reduce_mean(values, axis=list(range(rank, len(values.shape))))
        weights = broadcast_like(weights, values)
        values = values * weights
        if rank > 1:
            weights = reduce_mean(weights, axis=list(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce_mean(values, axis=list(range(1, len(values.shape))))
    return values, weights


class ExampleMean(Metric, abstract=True):
    """A mean of a value for each example; a subclass defines `values`."""

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        raise SpecError(f"the metric `{self.type_name}` does not define values(self, y_true, y_pred)")

    def states(self, y_true, y_pred):
        return {"total": (), "count": ()}

    def update(self, y_true, y_pred, sample_weight):
        self.average(self.values(y_true, y_pred), sample_weight)

    def average(self, values: Tensor, weights: Tensor | None) -> None:
        """Add values of shape (N, ...), or a single one, to the mean."""
        values, weights = _per_example(values, weights)
        self.add(total=reduce_sum(values), count=reduce_sum(ones_like(values) if weights is None else weights))

    def result(self):
        return divide_no_nan(self.total.value(), self.count.value())


class MeanMetricWrapper(ExampleMean, abstract=True):
    """The mean of a Python function of y_true and y_pred."""

    fn: Callable[[Tensor, Tensor], Tensor]

    @property
    def report_name(self):
        return self.name or getattr(self.fn, "__name__", self.type_name)

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred)


class LossMean(ExampleMean, abstract=True):
    """The mean of a loss, which has the metric's fields as its own."""

    loss: ClassVar[type[Loss]]

    def values(self, y_true, y_pred):
        settings = {name: getattr(self, name) for name in self.fields() if name not in ("name", "dtype")}
        return self.loss(**settings).per_example(y_true, y_pred)


class _OfValues(Metric, abstract=True):
    """From Python alone, of any values: `update_state(values, sample_weight=None)`."""

    def resolve(self, y_true, y_pred):
        raise SpecError(
            f"the metric `{self.type_name}` is of plain values, not of targets and predictions; use it from Python"
        )

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch of values. sample_weight (N,), or of their shape."""
        values = cast(values, self.dtype or loss_dtype(convert_to_tensor(values).dtype))
        super().update_state(values, values, sample_weight)


class Mean(_OfValues, ExampleMean):
    """The mean of values."""

    def values(self, y_true, y_pred):
        return y_pred


class Sum(_OfValues):
    """The sum of values."""

    def states(self, y_true, y_pred):
        return {"total": ()}

    def update(self, y_true, y_pred, sample_weight):
        if sample_weight is not None:
            y_pred, sample_weight = align(y_pred, sample_weight)
            y_pred = y_pred * sample_weight
        self.add(total=reduce_sum(y_pred))

    def result(self):
        return self.total.value()
