"""Loss: an error for each example, and Keras's way of making one number of them."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from tfcli.declare import Declared
from tfcli.engine.ops.elementary import rsqrt
from tfcli.engine.ops.elementwise import (
    cast,
    divide_no_nan,
    minimum,
    square,
)
from tfcli.engine.ops.reduce import reduce_mean, reduce_sum
from tfcli.engine.ops.shape import expand_dims, ones_like, squeeze
from tfcli.engine.spec import DType, float32, float64, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError, SpecError

EPSILON = 1e-7
"""Keras's guard against division by zero and log(0)."""

Reduction = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"] | None


class Loss(Declared, kind="loss"):
    """Base of the losses. A subclass defines `call(y_true, y_pred)`, an error for each example."""

    takes_labels: ClassVar[bool] = False
    """y_true holds class numbers, which keep their dtype and shape; otherwise it becomes like y_pred."""

    reduction: Reduction = "sum_over_batch_size"
    """What becomes of the errors: their mean (also called `mean`), `sum`, mean by weight, or nothing."""
    name: str | None = None
    dtype: Literal["float32", "float64"] | None = None
    """What it is computed in; by default the model's precision, at least float32."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        raise SpecError(f"the loss `{self.type_name}` does not define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """The reduced loss, of shape () unless `reduction` is none.

        sample_weight (N,) or as the errors; mask bool, by default the one that rides on y_pred. Raises ShapeError.
        """
        y_pred = convert_to_tensor(y_pred)
        mask = y_pred.mask if mask is None else mask
        values = self.per_example(y_true, in_dtype(y_pred, self.dtype or loss_dtype(y_pred.dtype)))
        if values.mask is not None:
            mask = values.mask if mask is None else convert_to_tensor(mask) & values.mask
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def per_example(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """The errors before weighting, in the dtype of y_pred. Raises ShapeError."""
        y_true = convert_to_tensor(y_true)
        if not self.takes_labels:
            y_true, y_pred = match_ranks(cast(y_true, y_pred.dtype), y_pred)
            self.check_shapes(y_true, y_pred)
        return self.call(y_true, y_pred)

    def check_shapes(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Raise ShapeError where targets and predictions do not go together; a class of the user's own judges for
        itself.
        """
        if self.is_registered() and len(y_true.shape) != len(y_pred.shape):
            raise ShapeError(f"{self.type_name}: {describe(y_true, y_pred)}; both must have the same number of axes")

    @classmethod
    def from_value(cls, value: Any) -> "Loss | None":
        return Custom(value) if callable(value) else None


class Custom(Loss, abstract=True):
    """A Python function of y_true and y_pred as loss."""

    function: Callable[[Tensor, Tensor], Tensor]

    def call(self, y_true, y_pred):
        return self.function(y_true, y_pred)

    def check_shapes(self, y_true, y_pred):
        """What goes together is the function's own business."""


def loss_dtype(dtype: DType) -> DType:
    """Losses and metrics are computed in float32 unless the model is float64."""
    return float64 if dtype == float64 else float32


def in_dtype(y_pred: Tensor, dtype: Any) -> Tensor:
    """y_pred in `dtype`, still with its logits."""
    converted = cast(y_pred, dtype)
    if converted is not y_pred and y_pred.logits is not None:
        converted.logits = cast(y_pred.logits, dtype)
    return converted


def describe(y_true: Tensor, y_pred: Tensor) -> str:
    return f"the targets have the shape {show_shape(y_true.shape)}, the predictions {show_shape(y_pred.shape)}"


def match_ranks(a: Tensor, b: Tensor, expand_rank_1: bool = True) -> tuple[Tensor, Tensor]:
    """Where one has a last axis of size 1 that the other lacks, a vector gets it too, else it goes; as in Keras."""
    if len(a.shape) == len(b.shape) + 1 and a.shape[-1] == 1:
        if len(b.shape) == 1 and expand_rank_1:
            return a, expand_last(b)
        return squeeze(a, -1), b
    if len(b.shape) == len(a.shape) + 1 and b.shape[-1] == 1:
        if len(a.shape) == 1 and expand_rank_1:
            return expand_last(a), b
        return a, squeeze_last(b)
    return a, b


def expand_last(x: Tensor) -> Tensor:
    """x (...) -> (..., 1), with its logits."""
    result = expand_dims(x, -1)
    if x.logits is not None:
        result.logits = expand_dims(x.logits, -1)
    return result


def squeeze_last(x: Tensor) -> Tensor:
    """x (..., 1) -> (...), with its logits."""
    result = squeeze(x, -1)
    if x.logits is not None:
        result.logits = squeeze(x.logits, -1)
    return result


def reduce_weighted(values: Tensor, sample_weight: Any, mask: Any, reduction: Reduction) -> Tensor:
    """One number of the errors, each counting by its weight, those masked not at all."""
    weights = masked_weights(sample_weight, mask, values.dtype, rescale=reduction in ("mean", "sum_over_batch_size"))
    if weights is not None:
        values, weights = align(values, weights)
        values = values * weights
    if reduction in (None, "none") or not values.shape:
        return values
    if reduction == "sum":
        return reduce_sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return divide_no_nan(reduce_sum(values), reduce_sum(weights))
    return reduce_mean(values)


def masked_weights(sample_weight: Any, mask: Any, dtype: DType, rescale: bool = False) -> Tensor | None:
    """The weights, 0 where the mask is False; `rescale`: so that a mean over all is one over what is not masked."""
    weights = None if sample_weight is None else cast(sample_weight, dtype)
    if mask is None:
        return weights
    kept = cast(mask, dtype)
    if rescale:
        share = reduce_mean(kept)
        kept = kept * divide_no_nan(ones_like(share), share)
    if weights is None:
        return kept
    kept, weights = align(kept, weights)
    return weights * kept


def align(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Ranks matched so that the two broadcast: weights (N,) count for all of an example's values (N, ...)."""
    values, weights = match_ranks(values, weights)
    for _ in range(len(weights.shape), len(values.shape)):
        weights = expand_dims(weights, -1)
    return values, weights


def l2_normalize(x: Tensor, axis: int) -> Tensor:
    """x divided by its norm along `axis`; what is nearly zero stays so."""
    inverse = minimum(rsqrt(reduce_sum(square(x), axis=axis, keepdims=True)), 1.0 / EPSILON)
    return x * inverse
