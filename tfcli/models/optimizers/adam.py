"""Adam and its relatives: momentum over the root of a mean square. Settings are those of `keras.optimizers`."""

import re

import numpy as np

from tfcli.declare import NonNegativeFloat, NonNegativeInt, Probability
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import (
    abs_,
    maximum,
    minimum,
    pow_,
    square,
    where,
)
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import transpose
from tfcli.engine.tensor import Tensor, Variable
from tfcli.models.optimizers.base import Optimizer
from tfcli.models.schedules import Schedule


def _towards(mean: Tensor, value: Tensor, beta: float) -> Tensor:
    """A moving mean, one step further."""
    return mean + (value - mean) * (1.0 - beta)


class _Moments(Optimizer, abstract=True):
    """Keeps moving means of the gradient and of its square."""

    @property
    def slot_names(self):
        return ("momentum", "velocity")


class _Adam(_Moments, abstract=True):
    @property
    def slot_names(self):
        return (*super().slot_names, *(["velocity_hat"] if self.amsgrad else []))

    def update(self, variable, gradient, slots, learning_rate, step):
        rate = learning_rate * sqrt(1.0 - pow_(self.beta_2, step)) / (1.0 - pow_(self.beta_1, step))
        momentum = _towards(slots["momentum"], gradient, self.beta_1)
        velocity = _towards(slots["velocity"], square(gradient), self.beta_2)
        changed = {"momentum": momentum, "velocity": velocity}
        if self.amsgrad:
            velocity = changed["velocity_hat"] = maximum(slots["velocity_hat"], velocity)
        return variable - momentum * rate / (sqrt(velocity) + self.epsilon), changed


class Adam(_Adam):
    """Adam (Kingma and Ba, 2014); `amsgrad` never lets the mean of squares fall (Reddi et al., 2018)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-7
    amsgrad: bool = False


class AdamW(_Adam, name="adamw"):
    """Adam with weight decay (Loshchilov and Hutter, 2019)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    weight_decay: NonNegativeFloat = 0.004
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-7
    amsgrad: bool = False


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root of the mean square (Kingma and Ba, 2014)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-7

    @property
    def slot_names(self):
        return ("momentum", "norm")

    def update(self, variable, gradient, slots, learning_rate, step):
        momentum = _towards(slots["momentum"], gradient, self.beta_1)
        norm = maximum(self.beta_2 * slots["norm"], abs_(gradient))
        change = learning_rate * momentum / ((1.0 - pow_(self.beta_1, step)) * (norm + self.epsilon))
        return variable - change, {"momentum": momentum, "norm": norm}


class Nadam(_Moments):
    """Adam with Nesterov momentum (Dozat, 2015)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-7

    def initial_slots(self, variable):
        return super().initial_slots(variable) | {"u_product": np.ones((), variable.array.dtype)}

    def update(self, variable, gradient, slots, learning_rate, step):
        now, later = (self.beta_1 * (1.0 - 0.5 * pow_(0.96, t)) for t in (step, step + 1.0))
        product = slots["u_product"] * now
        momentum = _towards(slots["momentum"], gradient, self.beta_1)
        velocity = _towards(slots["velocity"], square(gradient), self.beta_2)
        ahead = later * momentum / (1.0 - product * later) + (1.0 - now) * gradient / (1.0 - product)
        scale = sqrt(velocity / (1.0 - pow_(self.beta_2, step))) + self.epsilon
        changed = {"momentum": momentum, "velocity": velocity, "u_product": product}
        return variable - ahead * learning_rate / scale, changed


class Lamb(_Moments):
    """Adam whose steps are as long as the variable, times the learning rate (You et al., 2019)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-7

    def update(self, variable, gradient, slots, learning_rate, step):
        momentum = _towards(slots["momentum"], gradient, self.beta_1)
        velocity = _towards(slots["velocity"], square(gradient), self.beta_2)
        scale = sqrt(velocity / (1.0 - pow_(self.beta_2, step))) + self.epsilon
        change = momentum / (1.0 - pow_(self.beta_1, step)) / scale
        size, length = (sqrt(reduce_sum(square(x))) for x in (variable, change))
        ratio = where((size > 0.0) & (length > 0.0), size / where(length > 0.0, length, 1.0), 1.0)
        return variable - ratio * learning_rate * change, {"momentum": momentum, "velocity": velocity}


class ScheduleFreeAdamW(_Moments, name="schedule_free_adamw"):
    """Adam on an average of its own iterates, in place of a schedule (Defazio et al., 2024).

    As the paper and Keras's code have it; run by TensorFlow that code starts from iterates of zero, and so forgets the
    initial weights in its first step.
    """

    learning_rate: NonNegativeFloat | Schedule = 0.0025
    beta_1: Probability = 0.9
    beta_2: Probability = 0.999
    epsilon: NonNegativeFloat = 1e-8
    warmup_steps: NonNegativeInt = 0

    def initial_slots(self, variable):
        return super().initial_slots(variable) | {"momentum": variable.array.copy()}

    def update(self, variable, gradient, slots, learning_rate, step):
        if self.warmup_steps:
            learning_rate = learning_rate * minimum(step / self.warmup_steps, 1.0)
        velocity = _towards(slots["velocity"], square(gradient), self.beta_2)
        scale = sqrt(velocity / (1.0 - pow_(self.beta_2, step))) + self.epsilon
        iterate = slots["momentum"] - learning_rate * gradient / scale
        average = (variable - (1.0 - self.beta_1) * slots["momentum"]) / self.beta_1
        average = (1.0 - 1.0 / step) * average + iterate / step
        variable = (1.0 - self.beta_1) * iterate + self.beta_1 * average
        return variable, {"momentum": iterate, "velocity": velocity}


class Muon(Optimizer):
    """Momentum made orthogonal, for matrices; Adam for everything else and for embeddings (Jordan et al., 2024)."""

    learning_rate: NonNegativeFloat | Schedule = 0.001
    adam_beta_1: Probability = 0.9
    adam_beta_2: Probability = 0.999
    adam_weight_decay: NonNegativeFloat | None = 0.004
    epsilon: NonNegativeFloat = 1e-7
    weight_decay: NonNegativeFloat | None = 0.004
    exclude_layers: list[str] | None = None
    """Regular expressions; a variable whose path holds one is left to Adam."""
    exclude_embeddings: bool = True
    muon_a: float = 3.4445
    muon_b: float = -4.775
    muon_c: float = 2.0315
    adam_lr_ratio: NonNegativeFloat = 1.0
    momentum: Probability = 0.95
    ns_steps: NonNegativeInt = 5
    """Newton-Schulz steps towards the orthogonal matrix."""
    nesterov: bool = True
    rms_rate: NonNegativeFloat | None = 0.2
    """Steps are this times sqrt(the longer side), about as long as Adam's."""

    def uses_adam(self, variable: Variable) -> bool:
        path = getattr(variable, "path", variable.name)
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers or [])

    def initial_slots(self, variable):
        names = ("momentum", "velocity") if self.uses_adam(variable) else ("momentum",)
        return {name: np.zeros_like(variable.array) for name in names}

    def decay_of(self, variable):
        return self.adam_weight_decay if self.uses_adam(variable) else self.weight_decay

    def update(self, variable, gradient, slots, learning_rate, step):
        if "velocity" in slots:
            return self._adam(variable, gradient, slots, learning_rate * self.adam_lr_ratio, step)
        momentum = slots["momentum"] * self.momentum + gradient
        change = learning_rate * self._orthogonal(gradient + self.momentum * momentum if self.nesterov else momentum)
        if self.rms_rate is not None:
            change = change * (max(variable.shape) ** 0.5 * self.rms_rate)
        return variable - change, {"momentum": momentum}

    def _adam(
        self, variable: Tensor, gradient: Tensor, slots: dict[str, Tensor], learning_rate: Tensor, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rate = learning_rate * sqrt(1.0 - pow_(self.adam_beta_2, step)) / (1.0 - pow_(self.adam_beta_1, step))
        momentum = _towards(slots["momentum"], gradient, self.adam_beta_1)
        velocity = _towards(slots["velocity"], square(gradient), self.adam_beta_2)
        change = momentum * rate / (sqrt(velocity) + self.epsilon)
        return variable - change, {"momentum": momentum, "velocity": velocity}

    def _orthogonal(self, x: Tensor) -> Tensor:
        """Near the orthogonal matrix nearest to x, by Newton and Schulz's iteration."""
        rows, columns = x.shape
        assert rows is not None
        assert columns is not None
        tall = rows > columns
        x = transpose(x) if tall else x
        x = x / (sqrt(reduce_sum(square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            gram = matmul(x, x, transpose_b=True)
            x = self.muon_a * x + matmul(self.muon_b * gram + self.muon_c * matmul(gram, gram), x)
        return transpose(x) if tall else x
