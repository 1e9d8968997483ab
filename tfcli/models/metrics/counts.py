"""Counting true and false positives and negatives at thresholds: what is predicted above one is positive there."""

import numpy as np

from tfcli.engine.ops.comparison import not_equal
from tfcli.engine.ops.elementwise import (
    cast,
    ceil,
    clip_by_value,
    maximum,
)
from tfcli.engine.ops.index import gather, one_hot
from tfcli.engine.ops.order import searchsorted, top_k
from tfcli.engine.ops.reduce import cumsum, reduce_sum
from tfcli.engine.ops.segment import unsorted_segment_sum
from tfcli.engine.ops.shape import reshape, transpose, zeros_like
from tfcli.engine.tensor import Tensor
from tfcli.models.losses.base import EPSILON

NEVER = -1e10
"""Below every threshold and every sensible score, as in Keras."""


def passed(y_pred: Tensor, thresholds: np.ndarray) -> Tensor:
    """How many of the rising thresholds (T,) the predictions (N,) exceed -> (N,) int32.

    Evenly spaced thresholds count by a multiplication, as in Keras: at the very edge of one that rounds differently.
    """
    intervals = len(thresholds) - 1
    if intervals < 2 or not np.allclose(thresholds, np.arange(intervals + 1) / intervals, atol=EPSILON):
        return searchsorted(thresholds.astype(y_pred.dtype.numpy), y_pred, side="left")
    buckets = ceil(clip_by_value(y_pred, 0.0, 1.0) * float(intervals))
    if thresholds[0] < 0.0:
        buckets = maximum(buckets, 1.0)
    return cast(buckets, "int32")


def confusion(
    y_true: Tensor, y_pred: Tensor, weights: Tensor, thresholds: np.ndarray, by_label: bool = False
) -> dict[str, Tensor]:
    """The weighted counts at each of T thresholds: (T,), or with `by_label` (T, L) for inputs (N, L).

    y_true, y_pred and weights have one shape; what of y_true is not 0 is positive.
    """
    count, labels = len(thresholds), y_pred.shape[-1] if by_label else 1
    assert labels is not None
    order = np.argsort(thresholds, kind="stable")
    places = reshape(passed(reshape(y_pred, [-1]), thresholds[order]), [-1, labels])
    # Each label has its own run of count + 1 buckets: how much of it passed 0, 1, …, count thresholds.
    buckets = places + np.arange(labels, dtype=np.int32) * (count + 1)

    def above(amounts: Tensor) -> tuple[Tensor, Tensor]:
        sums = unsorted_segment_sum(reshape(amounts, [-1]), reshape(buckets, [-1]), labels * (count + 1))
        sums = cumsum(reshape(sums, [labels, count + 1]), axis=1, reverse=True)
        passing = gather(sums, np.argsort(order) + 1, axis=1)  # (L, T)
        missing = sums[:, :1] - passing
        return (transpose(passing), transpose(missing)) if by_label else (passing[0], missing[0])

    true = cast(not_equal(y_true, zeros_like(y_true)), weights.dtype)
    true_positives, false_negatives = above(true * weights)
    false_positives, true_negatives = above((1.0 - true) * weights)
    return {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "true_negatives": true_negatives,
        "false_negatives": false_negatives,
    }


def only_top_k(y_pred: Tensor, k: int) -> Tensor:
    """y_pred (..., classes) with all but the k largest below every threshold."""
    classes = y_pred.shape[-1]
    assert classes is not None
    chosen = reduce_sum(one_hot(top_k(y_pred, k).indices, classes, dtype=y_pred.dtype), axis=-2)
    return y_pred * chosen + NEVER * (1.0 - chosen)
