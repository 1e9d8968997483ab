"""Dense and its like: products with a kernel, activations, identity."""

from tfcli.declare import PositiveInt
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.activations import Activation as ActivationFunction
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer, feature_size
from tfcli.models.regularizers import Regularizer


class Dense(Layer):
    """activation(x @ kernel + bias): x (…, C) -> (…, units)."""

    units: PositiveInt
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        shape = (feature_size(input_shape, "dense"), self.units)
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint
            )

    def call(self, inputs: Tensor) -> Tensor:
        y = matmul(inputs, self.kernel)  # (…, C) (C, units) -> (…, units)
        if self.use_bias:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)


class Activation(Layer):
    """An activation function as a layer."""

    activation: ActivationFunction

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)
