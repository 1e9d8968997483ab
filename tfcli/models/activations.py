"""Activations: functions of a tensor. Names and settings are those of `keras.activations`."""

from collections.abc import Callable
from typing import Any

from tfcli.declare import Declared, NonNegativeFloat, PositiveFloat
from tfcli.engine.ops import nn
from tfcli.engine.ops.elementary import (
    exp,
    expm1,
    sigmoid,
    softplus,
    sqrt,
    tanh,
)
from tfcli.engine.ops.elementwise import (
    abs_,
    cast,
    clip_by_value,
    maximum,
    minimum,
    relu,
    square,
    where,
)
from tfcli.engine.ops.join import split
from tfcli.engine.ops.order import sort
from tfcli.engine.ops.reduce import cumsum, reduce_sum
from tfcli.engine.ops.shape import ones_like, zeros_like
from tfcli.engine.spec import normalize_axis, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError, SpecError


class Activation(Declared, kind="activation"):
    """Base of the activations: x of any shape -> the same shape, unless a class says otherwise."""

    def __call__(self, x: Tensor) -> Tensor:
        raise SpecError(f"the activation `{self.type_name}` does not define __call__(self, x)")

    @classmethod
    def from_value(cls, value: Any) -> "Activation | None":
        return Custom(value) if callable(value) else None


class Custom(Activation, abstract=True):
    """A Python function as activation."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)


class Linear(Activation):
    """x itself."""

    def __call__(self, x):
        return x


class Relu(Activation):
    """x where above `threshold`, at most `max_value`; `negative_slope * (x - threshold)` below."""

    negative_slope: float = 0.0
    max_value: NonNegativeFloat | None = None
    threshold: float = 0.0

    def __call__(self, x):
        above = where(x > self.threshold, x, 0.0) if self.threshold else relu(x)
        if self.max_value is not None:
            above = clip_by_value(above, 0.0, self.max_value)
        return above - self.negative_slope * relu(self.threshold - x) if self.negative_slope else above


class LeakyRelu(Activation):
    """x where positive, `negative_slope * x` elsewhere."""

    negative_slope: float = 0.2

    def __call__(self, x):
        return nn.leaky_relu(x, self.negative_slope)


class Relu6(Activation):
    """x held between 0 and 6."""

    def __call__(self, x):
        return nn.relu6(x)


class Elu(Activation):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    alpha: float = 1.0

    def __call__(self, x):
        return nn.elu(x, self.alpha)


class Selu(Activation):
    """The self-normalising scaled ELU (Klambauer et al., 2017)."""

    def __call__(self, x):
        return nn.selu(x)


class Celu(Activation):
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1), smooth at 0 for every alpha (Barron, 2017)."""

    alpha: PositiveFloat = 1.0

    def __call__(self, x):
        return maximum(x, 0.0) + self.alpha * expm1(minimum(x, 0.0) / self.alpha)


class Gelu(Activation):
    """x * Φ(x), Φ the normal distribution (Hendrycks and Gimpel, 2016); `approximate` takes the tanh form."""

    approximate: bool = False

    def __call__(self, x):
        return nn.gelu(x, self.approximate)


class Glu(Activation):
    """One half of `axis` times the sigmoid of the other: (..., 2n, ...) -> (..., n, ...) (Dauphin et al., 2017).

    Raises ShapeError where the axis does not halve.
    """

    axis: int = -1

    def __call__(self, x):
        axis = normalize_axis(self.axis, len(x.shape), "glu")
        size = x.shape[axis]
        if size is None or size % 2:
            raise ShapeError(f"glu: axis {self.axis} of {show_shape(x.shape)} has the size {size}; it must be even")
        value, gate = split(x, 2, axis)
        return value * sigmoid(gate)


class Tanh(Activation):
    def __call__(self, x):
        return tanh(x)


class Sigmoid(Activation):
    """1 / (1 + exp(-x)); the result remembers x as its logits, which crossentropies use."""

    def __call__(self, x):
        output = sigmoid(x)
        output.logits = x
        return output


class Softmax(Activation):
    """exp(x) over its sum along `axis`; the result remembers x as its logits, which crossentropies use."""

    axis: int = -1

    def __call__(self, x):
        output = nn.softmax(x, self.axis)
        output.logits = x
        return output


class LogSoftmax(Activation):
    """The logarithm of softmax, without its overflow."""

    axis: int = -1

    def __call__(self, x):
        return nn.log_softmax(x, self.axis)


class Sparsemax(Activation):
    """A sparse relative of softmax along `axis` (Martins and Astudillo, 2016), as Keras computes it."""

    axis: int = -1

    def __call__(self, x):
        ordered = sort(x, axis=self.axis, direction="DESCENDING")
        running = cumsum(ordered, axis=self.axis)
        rank = cumsum(ones_like(x), axis=self.axis)
        support = ordered - (running - 1.0) / rank > 0.0
        size = reduce_sum(cast(support, x.dtype), axis=self.axis, keepdims=True)
        # The paper takes the support's last running sum; Keras adds them all up, and a spec means what Keras computes.
        total = reduce_sum(where(support, running, zeros_like(x)), axis=self.axis, keepdims=True)
        return relu(x - (total - 1.0) / size)


class Softplus(Activation):
    """log(1 + exp(x))."""

    def __call__(self, x):
        return softplus(x)


class Softsign(Activation):
    """x / (1 + |x|)."""

    def __call__(self, x):
        return nn.softsign(x)


class Silu(Activation, aliases=("swish",)):
    """x * sigmoid(x) (Ramachandran et al., 2017)."""

    def __call__(self, x):
        return nn.silu(x)


class HardSigmoid(Activation):
    """relu6(x + 3) / 6."""

    def __call__(self, x):
        return nn.relu6(x + 3.0) / 6.0


class HardSilu(Activation, aliases=("hard_swish",)):
    """x * relu6(x + 3) / 6 (Howard et al., 2019)."""

    def __call__(self, x):
        return x * (nn.relu6(x + 3.0) / 6.0)


class HardTanh(Activation):
    """x held between -1 and 1."""

    def __call__(self, x):
        return clip_by_value(x, -1.0, 1.0)


class HardShrink(Activation):
    """x where |x| exceeds `threshold`, 0 elsewhere."""

    threshold: float = 0.5

    def __call__(self, x):
        return where(abs_(x) > self.threshold, x, 0.0)


class SoftShrink(Activation):
    """x moved towards 0 by `threshold`, not past it."""

    threshold: float = 0.5

    def __call__(self, x):
        return where(x > self.threshold, x - self.threshold, where(x < -self.threshold, x + self.threshold, 0.0 * x))


class TanhShrink(Activation):
    """x - tanh(x)."""

    def __call__(self, x):
        return x - tanh(x)


class Threshold(Activation):
    """x where above `threshold`, `default_value` elsewhere."""

    threshold: float
    default_value: float

    def __call__(self, x):
        return where(x > self.threshold, x, self.default_value)


class Exponential(Activation):
    """exp(x)."""

    def __call__(self, x):
        return exp(x)


class LogSigmoid(Activation):
    """log(1 / (1 + exp(-x)))."""

    def __call__(self, x):
        return -softplus(-x)


class SparseSigmoid(Activation):
    """0 up to -1, (x + 1) / 2 between, 1 from 1 on."""

    def __call__(self, x):
        return clip_by_value(0.5 * (x + 1.0), 0.0, 1.0)


class SparsePlus(Activation):
    """0 up to -1, (x + 1)² / 4 between, x from 1 on."""

    def __call__(self, x):
        return where(x >= 1.0, x, 0.25 * square(clip_by_value(x + 1.0, 0.0, 2.0)))


class Squareplus(Activation):
    """(x + sqrt(x² + b)) / 2 (Barron, 2021)."""

    b: NonNegativeFloat = 4.0

    def __call__(self, x):
        return (x + sqrt(square(x) + self.b)) / 2.0


class Mish(Activation):
    """x * tanh(softplus(x)) (Misra, 2019)."""

    def __call__(self, x):
        return x * tanh(softplus(x))
