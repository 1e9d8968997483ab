"""Learning-rate schedules: step -> learning rate. Names and settings are those of `keras.optimizers.schedules`."""

import math
from collections.abc import Callable
from typing import Any

from tfcli.declare import Declared, FieldError, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from tfcli.engine.ops.elementary import cos, log
from tfcli.engine.ops.elementwise import (
    cast,
    ceil,
    floor,
    maximum,
    minimum,
    pow_,
    where,
)
from tfcli.engine.ops.shape import ones_like
from tfcli.engine.tensor import Tensor
from tfcli.errors import SpecError


class Schedule(Declared, kind="schedule"):
    """Base of the schedules: an integer step of shape () -> a float32 learning rate of shape ()."""

    def __call__(self, step: Tensor) -> Tensor:
        raise SpecError(f"the schedule `{self.type_name}` does not define __call__(self, step)")

    @classmethod
    def from_value(cls, value: Any) -> "Schedule | None":
        return Custom(value) if callable(value) else None


class Custom(Schedule, abstract=True):
    """A Python function of the step as schedule."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, step: Tensor) -> Tensor:
        return cast(self.function(step), "float32")


def _periods(step: Tensor, decay_steps: int, staircase: bool) -> Tensor:
    periods = cast(step, "float32") / decay_steps
    return floor(periods) if staircase else periods


def warm_up(steps: int, start_factor: float) -> Callable[[Tensor], Tensor]:
    """A factor of the learning rate that rises in a line from `start_factor` in step 0 to 1 in step `steps`."""

    def factor(step: Tensor) -> Tensor:
        return start_factor + (1.0 - start_factor) * minimum(cast(step, "float32") / steps, 1.0)

    return factor


class ExponentialDecay(Schedule):
    """initial_learning_rate * decay_rate ** (step / decay_steps)."""

    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    decay_rate: PositiveFloat
    staircase: bool = False
    """Whole multiples of `decay_steps` only."""

    def __call__(self, step):
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * pow_(self.decay_rate * ones_like(periods), periods)


class InverseTimeDecay(Schedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps)."""

    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    decay_rate: NonNegativeFloat
    staircase: bool = False
    """Whole multiples of `decay_steps` only."""

    def __call__(self, step):
        return self.initial_learning_rate / (1.0 + self.decay_rate * _periods(step, self.decay_steps, self.staircase))


class PiecewiseConstantDecay(Schedule):
    """values[0] up to and including step boundaries[0], values[1] up to boundaries[1], …, the last value after."""

    boundaries: list[int]
    values: list[float]
    """One more than there are boundaries."""

    def check(self):
        if len(self.values) != len(self.boundaries) + 1:
            count = f"{len(self.boundaries)} boundaries and {len(self.values)} values"
            raise FieldError("values", f"there are {count}; there must be one value more than boundaries")
        if self.boundaries != sorted(self.boundaries):
            raise FieldError("boundaries", f"{self.boundaries} is not in ascending order")

    def __call__(self, step):
        step = cast(step, "float32")
        rate = self.values[-1] * ones_like(step)
        for boundary, value in zip(self.boundaries[::-1], self.values[-2::-1], strict=True):
            rate = where(step <= boundary, value, rate)
        return rate


class PolynomialDecay(Schedule):
    """From initial_learning_rate to end_learning_rate over `decay_steps`, as (1 - step / decay_steps) ** power."""

    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    end_learning_rate: NonNegativeFloat = 0.0001
    power: PositiveFloat = 1.0
    cycle: bool = False
    """Start again, from lower each time, instead of staying at the end."""

    def __call__(self, step):
        step = cast(step, "float32")
        if self.cycle:
            fraction = step / (self.decay_steps * maximum(ceil(step / self.decay_steps), 1.0))
        else:
            fraction = minimum(step, self.decay_steps) / self.decay_steps
        reach = self.initial_learning_rate - self.end_learning_rate
        return reach * pow_(1.0 - fraction, self.power) + self.end_learning_rate


class CosineDecay(Schedule):
    """Half a cosine from initial_learning_rate to alpha times it over `decay_steps` (Loshchilov and Hutter, 2016).

    With `warmup_target`, first a line from initial_learning_rate to it over `warmup_steps`; the decay starts there.
    """

    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    alpha: float = 0.0
    """The rate at the end, as a fraction of the rate that the decay starts from."""
    warmup_target: NonNegativeFloat | None = None
    warmup_steps: NonNegativeInt = 0

    def __call__(self, step):
        step = cast(step, "float32")
        if self.warmup_target is None:
            return self._decay(step, self.initial_learning_rate)
        decayed = self._decay(maximum(step - self.warmup_steps, 0.0), self.warmup_target)
        if self.warmup_steps == 0:
            return decayed
        rise = (self.warmup_target - self.initial_learning_rate) * (step / self.warmup_steps)
        return where(step < self.warmup_steps, rise + self.initial_learning_rate, decayed)

    def _decay(self, step: Tensor, start: float) -> Tensor:
        fraction = minimum(step, self.decay_steps) / self.decay_steps
        return start * ((1.0 - self.alpha) * (0.5 * (1.0 + cos(math.pi * fraction))) + self.alpha)


class CosineDecayRestarts(Schedule):
    """Cosine decay that starts again after each period (SGDR; Loshchilov and Hutter, 2016)."""

    initial_learning_rate: NonNegativeFloat
    first_decay_steps: PositiveInt
    t_mul: PositiveFloat = 2.0
    """Each period is this much longer than the one before."""
    m_mul: PositiveFloat = 1.0
    """Each period starts from this fraction of where the one before started."""
    alpha: float = 0.0
    """The rate at the end of a period, as a fraction of initial_learning_rate."""

    def __call__(self, step):
        fraction = cast(step, "float32") / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = floor(fraction)
            fraction = fraction - restarts
        else:
            restarts = floor(log(1.0 - fraction * (1.0 - self.t_mul)) / math.log(self.t_mul))
            length = pow_(self.t_mul * ones_like(fraction), restarts)
            fraction = (fraction - (1.0 - length) / (1.0 - self.t_mul)) / length
        height = pow_(self.m_mul * ones_like(fraction), restarts)
        cosine = 0.5 * height * (1.0 + cos(math.pi * fraction))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)
