"""Activations that are layers of their own, with settings or weights."""

from typing import Any

from tfcli.declare import NonNegativeFloat
from tfcli.engine.ops.elementary import exp
from tfcli.engine.ops.elementwise import relu, where
from tfcli.engine.ops.reduce import reduce_logsumexp
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models import activations
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer
from tfcli.models.regularizers import L1L2, Regularizer


class ReLU(Layer, name="relu"):
    """x where above `threshold`, at most `max_value`; `negative_slope * (x - threshold)` below."""

    max_value: NonNegativeFloat | None = None
    negative_slope: NonNegativeFloat = 0.0
    threshold: NonNegativeFloat = 0.0

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return activations.Relu(self.negative_slope, self.max_value, self.threshold)(inputs)


class LeakyReLU(Layer, name="leaky_relu"):
    """x where positive, `negative_slope * x` elsewhere."""

    negative_slope: NonNegativeFloat = 0.3

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return activations.LeakyRelu(self.negative_slope)(inputs)


class PReLU(Layer, name="prelu"):
    """x where positive, alpha * x elsewhere, alpha learned (He et al., 2015)."""

    alpha_initializer: Initializer = "zeros"  # type: ignore[assignment]
    alpha_regularizer: Regularizer | None = None
    alpha_constraint: Constraint | None = None
    shared_axes: int | list[int] | None = None
    "Axes along which alpha is the same, 1 for the first after the batch: `[1, 2]` gives images one alpha a channel."

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        shared = [self.shared_axes] if isinstance(self.shared_axes, int) else self.shared_axes or []
        axes = [normalize_axis(axis, len(input_shape), "shared_axes") for axis in shared]
        if 0 in axes:
            raise ShapeError(f"shared_axes {shared} has the batch axis, along which alpha is always the same")
        shape = [1 if axis in axes else size for axis, size in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(
            "alpha", shape, self.alpha_initializer, True, self.alpha_regularizer, self.alpha_constraint
        )

    def call(self, inputs: Tensor) -> Tensor:
        return relu(inputs) - self.alpha * relu(-inputs)


class ELU(Layer, name="elu"):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    alpha: float = 1.0

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return activations.Elu(self.alpha)(inputs)


class Softmax(Layer):
    """exp(x) over its sum along `axis` (or several); 0 where the mask, which broadcasts to x, is false."""

    axis: int | list[int] = -1

    supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return self._softmax(inputs)
        _expect_broadcast(mask, inputs)
        hidden = -3e4 if inputs.dtype == "float16" else -1e9
        outputs = self._softmax(where(mask, inputs, hidden))
        return where(mask, outputs, zeros_like(outputs))

    def _softmax(self, x: Tensor) -> Tensor:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        if len(axes) > 1:
            return exp(x - reduce_logsumexp(x, axis=axes, keepdims=True))
        return activations.Softmax(axes[0])(x)


def _expect_broadcast(mask: Tensor, inputs: Tensor) -> None:
    pairs = zip(mask.shape[::-1], inputs.shape[::-1], strict=False)
    if len(mask.shape) > len(inputs.shape) or any(None not in pair and pair[0] not in (1, pair[1]) for pair in pairs):
        shown = f"{show_shape(mask.shape)} does not broadcast to the input {show_shape(inputs.shape)}"
        raise ShapeError(f"the mask {shown}")


class ActivityRegularization(Layer):
    """The inputs themselves, with a penalty l1 * Σ|x| + l2 * Σx² on them."""

    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0

    supports_masking = True

    @property
    def activity_regularizer(self) -> Any:
        return L1L2(self.l1, self.l2)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs
