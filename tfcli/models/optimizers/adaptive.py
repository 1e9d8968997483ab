"""A learning rate for each entry, from the squares of its gradients. Settings are those of `keras.optimizers`."""

from typing import Annotated

import numpy as np

from tfcli.declare import NonNegativeFloat, Probability, Range
from tfcli.engine.ops.elementary import rsqrt, sqrt
from tfcli.engine.ops.elementwise import (
    clip_by_value,
    maximum,
    minimum,
    pow_,
    square,
)
from tfcli.engine.ops.reduce import reduce_mean
from tfcli.engine.ops.shape import expand_dims
from tfcli.engine.tensor import Tensor
from tfcli.models.optimizers.base import Optimizer
from tfcli.models.schedules import Schedule


class RMSprop(Optimizer, name="rmsprop"):
    """The gradient over the root of a moving mean of its square (Tieleman and Hinton, 2012)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    rho: Probability = 0.9
    momentum: Probability = 0.0
    epsilon: NonNegativeFloat = 1e-7
    centered: bool = False
    """Over the variance of the gradient instead."""

    @property
    def slot_names(self):
        return ("velocity", *(["momentum"] if self.momentum else []), *(["average_gradient"] if self.centered else []))

    def update(self, variable, gradient, slots, learning_rate, step):
        changed = {"velocity": self.rho * slots["velocity"] + (1.0 - self.rho) * square(gradient)}
        denominator = changed["velocity"] + self.epsilon
        if self.centered:
            changed["average_gradient"] = self.rho * slots["average_gradient"] + (1.0 - self.rho) * gradient
            denominator = denominator - square(changed["average_gradient"])
        increment = learning_rate * gradient / sqrt(denominator)
        if self.momentum:
            increment = changed["momentum"] = self.momentum * slots["momentum"] + increment
        return variable - increment, changed


class Adagrad(Optimizer):
    """The gradient over the root of the sum of its squares so far (Duchi et al., 2011)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    initial_accumulator_value: NonNegativeFloat = 0.1
    epsilon: NonNegativeFloat = 1e-7

    leaves_rows = True

    def initial_slots(self, variable):
        return {"accumulator": np.full_like(variable.array, self.initial_accumulator_value)}

    def update(self, variable, gradient, slots, learning_rate, step):
        accumulator = slots["accumulator"] + square(gradient)
        return variable - learning_rate * gradient / sqrt(accumulator + self.epsilon), {"accumulator": accumulator}


class Adadelta(Optimizer):
    """Steps as large as the recent ones, over the root of the recent squared gradients (Zeiler, 2012)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    rho: Probability = 0.95
    epsilon: NonNegativeFloat = 1e-7

    @property
    def slot_names(self):
        return ("accumulated_grad", "accumulated_delta_var")

    def update(self, variable, gradient, slots, learning_rate, step):
        squares = self.rho * slots["accumulated_grad"] + (1.0 - self.rho) * square(gradient)
        deltas = slots["accumulated_delta_var"]
        delta = -(sqrt(deltas + self.epsilon) * gradient / sqrt(squares + self.epsilon))
        deltas = self.rho * deltas + (1.0 - self.rho) * square(delta)
        return variable + learning_rate * delta, {"accumulated_grad": squares, "accumulated_delta_var": deltas}


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al., 2013), which sets weights to exactly 0 under L1."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    learning_rate_power: Annotated[float, Range(high=0)] = -0.5
    """How the learning rate falls with the gradients so far; 0: not at all."""
    initial_accumulator_value: NonNegativeFloat = 0.1
    l1_regularization_strength: NonNegativeFloat = 0.0
    l2_regularization_strength: NonNegativeFloat = 0.0
    l2_shrinkage_regularization_strength: NonNegativeFloat = 0.0
    """An L2 penalty on the loss, where `l2_regularization_strength` only holds the weights back."""
    beta: NonNegativeFloat = 0.0

    def initial_slots(self, variable):
        accumulator = np.full_like(variable.array, self.initial_accumulator_value)
        return {"accumulator": accumulator, "linear": np.zeros_like(variable.array)}

    def update(self, variable, gradient, slots, learning_rate, step):
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * variable
        accumulator = slots["accumulator"] + square(gradient)
        new, old = pow_(accumulator, power), pow_(slots["accumulator"], power)
        linear = slots["linear"] + shrunk - (new - old) / learning_rate * variable
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        variable = (clip_by_value(linear, -l1, l1) - linear) / (new / learning_rate + 2.0 * l2)
        return variable, {"accumulator": accumulator, "linear": linear}


def _rms(x: Tensor) -> Tensor:
    return sqrt(reduce_mean(square(x)))


class Adafactor(Optimizer):
    """Squared gradients kept by row and column only (Shazeer and Stern, 2018)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_2_decay: float = -0.8
    epsilon_1: NonNegativeFloat = 1e-30
    epsilon_2: NonNegativeFloat = 0.001
    clip_threshold: NonNegativeFloat = 1.0
    relative_step: bool = True
    """The learning rate is at most 1 / sqrt(step)."""

    def initial_slots(self, variable):
        array = variable.array
        if array.ndim < 2:
            return {"velocity": np.zeros_like(array)}
        rows, columns = array.shape[:-1], (*array.shape[:-2], array.shape[-1])
        return {"row": np.zeros(rows, array.dtype), "column": np.zeros(columns, array.dtype)}

    def update(self, variable, gradient, slots, learning_rate, step):
        # Keras bounds the rate by 1 / sqrt(step) here whatever `relative_step` says.
        rate = minimum(learning_rate, rsqrt(step))
        squares = square(gradient) + self.epsilon_1
        decay = 1.0 - pow_(step, self.beta_2_decay)
        if "velocity" in slots:
            velocity = decay * slots["velocity"] + (1.0 - decay) * squares
            changed = {"velocity": velocity}
        else:
            row = decay * slots["row"] + (1.0 - decay) * reduce_mean(squares, axis=-1)
            column = decay * slots["column"] + (1.0 - decay) * reduce_mean(squares, axis=-2)
            share = row / reduce_mean(row, axis=-1, keepdims=True)
            velocity = expand_dims(share, -1) * expand_dims(column, -2)
            changed = {"row": row, "column": column}
        direction = gradient * rsqrt(velocity)
        direction = direction / maximum(_rms(direction) / self.clip_threshold, 1.0)
        return variable - maximum(_rms(variable), self.epsilon_2) * rate * direction, changed
