"""Gradient descent, with and without momentum, and with the sign alone. Settings are those of `keras.optimizers`."""

from tfcli.declare import NonNegativeFloat, Probability
from tfcli.engine.ops.elementwise import sign
from tfcli.models.optimizers.base import Optimizer
from tfcli.models.schedules import Schedule


class SGD(Optimizer, name="sgd"):
    """Gradient descent; with `momentum` a velocity is kept, with `nesterov` one looks ahead along it."""

    learning_rate: NonNegativeFloat | Schedule = 0.01
    momentum: Probability = 0.0
    nesterov: bool = False

    @property
    def slot_names(self):
        return ("momentum",) if self.momentum else ()

    @property
    def leaves_rows(self):
        return not self.momentum

    def update(self, variable, gradient, slots, learning_rate, step):
        if not self.momentum:
            return variable - gradient * learning_rate, {}
        velocity = slots["momentum"] * self.momentum - gradient * learning_rate
        ahead = velocity * self.momentum - gradient * learning_rate if self.nesterov else velocity
        return variable + ahead, {"momentum": velocity}


class Lion(Optimizer):
    """The sign of a mean of momentum and gradient (Chen et al., 2023)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_1: Probability = 0.9
    beta_2: Probability = 0.99

    @property
    def slot_names(self):
        return ("momentum",)

    def update(self, variable, gradient, slots, learning_rate, step):
        momentum = slots["momentum"]
        direction = sign(momentum * self.beta_1 + gradient * (1.0 - self.beta_1))
        momentum = momentum * self.beta_2 + gradient * (1.0 - self.beta_2)
        return variable - learning_rate * direction, {"momentum": momentum}
