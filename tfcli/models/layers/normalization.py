"""Normalization: over the batch, over features, over groups of channels; of vectors, and of a layer's kernel."""

from collections.abc import Sequence
from typing import Any

from tfcli.declare import FieldError, NonNegativeFloat, PositiveInt, Probability
from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.elementary import rsqrt
from tfcli.engine.ops.elementwise import cast, square, where
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.nn import batch_normalization, l2_normalize, normalize
from tfcli.engine.ops.reduce import reduce_all, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_like, expand_dims, reshape, reshape_like
from tfcli.engine.spec import Shape, normalize_axes, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer, TruncatedNormal
from tfcli.models.layers.base import Layer, Weight
from tfcli.models.regularizers import Regularizer

Axes = int | list[int]


def _kept(shape: Shape, axes: Sequence[int]) -> list[int]:
    """`shape` with 1 outside of `axes`, whose sizes are known."""
    return [size or 1 if axis in axes else 1 for axis, size in enumerate(shape)]


class _Affine(Layer, abstract=True):
    """Base of the normalizations that end in gamma * x + beta."""

    epsilon: NonNegativeFloat
    "Added to the variance, so that its root is never 0."
    center: bool
    "Whether there is a beta, learned and added."
    scale: bool
    "Whether there is a gamma, learned and multiplied by."
    beta_initializer: Initializer
    gamma_initializer: Initializer
    beta_regularizer: Regularizer | None
    gamma_regularizer: Regularizer | None
    beta_constraint: Constraint | None
    gamma_constraint: Constraint | None

    supports_masking = True

    def _add_gamma_and_beta(self, shape: Sequence[int | None]) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                "gamma", shape, self.gamma_initializer, True, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            self.beta = self.add_weight(
                "beta", shape, self.beta_initializer, True, self.beta_regularizer, self.beta_constraint
            )

    def _finish(self, normal: Tensor, shape: Sequence[int]) -> Tensor:
        """gamma * normal + beta, both reshaped to `shape` so that they broadcast."""
        if self.gamma is not None:
            normal = normal * reshape(self.gamma, shape)
        return normal if self.beta is None else normal + reshape(self.beta, shape)


class BatchNormalization(_Affine):
    """Each channel with mean 0 and variance 1 over the batch, then scaled and shifted (Ioffe and Szegedy, 2015).

    In prediction moving averages take the place of the batch's mean and variance, with `trainable: false` in training
    too. What a mask hides does not count.
    """

    axis: int = -1
    "The axis of the channels."
    momentum: Probability = 0.99
    "How much of the moving averages stays at each step."
    epsilon: NonNegativeFloat = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"  # type: ignore[assignment]
    gamma_initializer: Initializer = "ones"  # type: ignore[assignment]
    moving_mean_initializer: Initializer = "zeros"  # type: ignore[assignment]
    moving_variance_initializer: Initializer = "ones"  # type: ignore[assignment]
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def build(self, input_shape: Shape) -> None:
        self._axis = normalize_axis(self.axis, len(input_shape), "batch_normalization")
        shape = (input_shape[self._axis],)
        self._add_gamma_and_beta(shape)
        self.moving_mean = self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.moving_variance = self.add_weight(
            "moving_variance", shape, self.moving_variance_initializer, trainable=False
        )

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        shape = _kept(inputs.shape, [self._axis])
        if not (training and self.trainable):
            mean, variance = reshape(self.moving_mean, shape), reshape(self.moving_variance, shape)
            scale, offset = (None if w is None else reshape(w, shape) for w in (self.gamma, self.beta))
            return batch_normalization(inputs, mean, variance, offset, scale, self.epsilon)
        axes = [axis for axis in range(len(shape)) if axis != self._axis]
        if mask is None:
            normal, mean, variance = normalize(inputs, axes, self.epsilon)
        else:
            normal, mean, variance = self._normalize_masked(inputs, mask, axes)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return self._finish(normal, shape)

    def _normalize_masked(self, x: Tensor, mask: Tensor, axes: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """As `normalize`, with the mean and variance of what the mask shows. Raises ShapeError."""
        if len(mask.shape) != len(x.shape) - 1:
            shown = f"{show_shape(mask.shape)} for the input {show_shape(x.shape)}"
            raise ShapeError(f"the mask must have one axis less than the input, got {shown}")
        weights = broadcast_like(cast(expand_dims(mask, -1), x.dtype), x)
        count = reduce_sum(weights, axes, keepdims=True) + 1e-7
        mean = reduce_sum(x * weights, axes, keepdims=True) / count
        centred = x - mean
        variance = reduce_sum(square(centred) * weights, axes, keepdims=True) / count
        return centred * rsqrt(variance + self.epsilon), mean, variance

    def _follow(self, average: Weight, value: Tensor) -> None:
        average.assign(average * self.momentum + reshape_like(value, average.value()) * (1.0 - self.momentum))


class LayerNormalization(_Affine):
    """Each example's entries along `axis` over their mean and standard deviation (Ba et al., 2016)."""

    axis: Axes = -1
    epsilon: NonNegativeFloat = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"  # type: ignore[assignment]
    gamma_initializer: Initializer = "ones"  # type: ignore[assignment]
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def build(self, input_shape: Shape) -> None:
        self._axes = normalize_axes(self.axis, len(input_shape), "layer_normalization")
        self._add_gamma_and_beta([input_shape[axis] for axis in self._axes])

    def call(self, inputs: Tensor) -> Tensor:
        normal, _, _ = normalize(inputs, self._axes, self.epsilon)
        return self._finish(normal, _kept(inputs.shape, self._axes))


class GroupNormalization(_Affine):
    """Each example's channels in groups, each group over its mean and standard deviation (Wu and He, 2018)."""

    groups: int = 32
    "How many; -1 for one a channel, which is instance normalization."
    axis: int = -1
    epsilon: NonNegativeFloat = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"  # type: ignore[assignment]
    gamma_initializer: Initializer = "ones"  # type: ignore[assignment]
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None
    beta_constraint: Constraint | None = None
    gamma_constraint: Constraint | None = None

    def check(self) -> None:
        if self.groups < 1 and self.groups != -1:
            raise FieldError("groups", f"expected a number ≥ 1, or -1 for one a channel, got {self.groups}")

    def build(self, input_shape: Shape) -> None:
        self._axis = normalize_axis(self.axis, len(input_shape), "group_normalization")
        size = input_shape[self._axis]
        if size is None:
            raise ShapeError(f"the size of axis {self.axis} of the input {show_shape(input_shape)} must be known")
        self._add_gamma_and_beta((size,))
        if size % self.groups:
            raise ShapeError(
                f"the {size} channels of the input {show_shape(input_shape)} do not divide into {self.groups} groups; "
                "set `groups` to a divisor"
            )

    def call(self, inputs: Tensor) -> Tensor:
        axis, size = self._axis, inputs.shape[self._axis]
        assert size is not None
        groups = size if self.groups == -1 else self.groups
        halves = [groups, size // groups]
        behind = [-1 if d is None else d for d in inputs.shape[axis + 1 :]]
        grouped = reshape(inputs, [*[None] * axis, *halves, *behind])  # (N, …, groups, size / groups, …)
        axes = [i for i in range(1, len(inputs.shape) + 1) if i != axis]
        normal, _, _ = normalize(grouped, axes, self.epsilon)
        return reshape_like(self._finish(normal, [*[1] * axis, *halves, *[1] * len(behind)]), inputs)


class RMSNormalization(Layer):
    """Entries over their root mean square along `axis`, times a learned scale (Zhang and Sennrich, 2019)."""

    axis: Axes = -1
    epsilon: NonNegativeFloat = 1e-6

    def build(self, input_shape: Shape) -> None:
        self._axes = normalize_axes(self.axis, len(input_shape), "rms_normalization")
        self.scale = self.add_weight("scale", [input_shape[axis] for axis in self._axes], "ones")

    def call(self, inputs: Tensor) -> Tensor:
        factor = rsqrt(reduce_mean(square(inputs), self._axes, keepdims=True) + self.epsilon)
        return inputs * factor * reshape(self.scale, _kept(inputs.shape, self._axes))


class UnitNormalization(Layer):
    """Vectors along `axis` scaled to length 1; zeros stay zero."""

    axis: Axes = -1

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return l2_normalize(inputs, self.axis, epsilon=1e-24)  # the square of Keras's 1e-12


class SpectralNormalization(Layer):
    """A layer whose kernel is divided by its largest singular value at each training step (Miyato et al., 2018).

    The singular value is estimated by power iteration, which goes on from step to step.
    """

    layer: Layer
    "A layer with a kernel, or an embedding."
    power_iterations: PositiveInt = 1

    def build(self, input_shape: Any) -> None:
        self.layer.path = self.path
        self.layer.build(input_shape)
        self.layer.built = True
        kernel = getattr(self.layer, "kernel" if hasattr(self.layer, "kernel") else "embeddings", None)
        if not isinstance(kernel, Weight):
            raise ShapeError(f"spectral_normalization wraps a layer with a kernel; `{self.layer.type_name}` has none")
        self.kernel = kernel
        start = TruncatedNormal(stddev=0.02)
        width = kernel.spec.shape[-1]
        self.vector_u = self.add_weight("vector_u", (1, width), start, trainable=False)

    @property
    def weights(self) -> list[Weight]:
        """In Keras's order: the kernel, the vector, then what else the layer has."""
        return sorted(super().weights, key=lambda weight: weight is not self.kernel) if self.built else []

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if training:
            self._normalize()
        return self.layer(inputs)

    def _normalize(self) -> None:
        kernel, u = self.kernel.value(), self.vector_u.value()
        matrix = reshape(kernel, [-1, kernel.shape[-1]])  # (M, F)
        for _ in range(self.power_iterations):
            v = l2_normalize(matmul(u, matrix, transpose_b=True), epsilon=1e-14)  # (1, F) (F, M) -> (1, M)
            u = l2_normalize(matmul(v, matrix), epsilon=1e-14)  # (1, M) (M, F) -> (1, F)
        largest = matmul(matmul(v, matrix), u, transpose_b=True)  # (1, 1)
        empty = reduce_all(equal(kernel, 0.0))
        self.vector_u.assign(where(empty, self.vector_u, u))
        self.kernel.assign(where(empty, kernel, reshape(matrix / largest, kernel.shape)))
