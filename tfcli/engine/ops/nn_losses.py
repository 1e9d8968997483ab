"""What tf.nn has besides: biases, cross-entropies, embeddings, moments from statistics, and the CTC loss."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.elementary import (
    exp,
    log,
    log1p,
    sigmoid,
    softplus,
)
from tfcli.engine.ops.elementwise import (
    abs_,
    cast,
    relu,
    square,
    where,
)
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.mathematics import clip_by_norm
from tfcli.engine.ops.nn import log_softmax
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import ones_like, squeeze, transpose, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError, ShapeError, TfcliError


def bias_add(value: Any, bias: Any, data_format: str | None = None) -> Tensor:
    """value (…, C) plus bias (C,). Raises ShapeError, TfcliError for channels that do not come last."""
    x, b = convert_to_tensor(value), convert_to_tensor(bias)
    if data_format is not None and not data_format.endswith("C"):
        raise TfcliError(f"bias_add: data_format {data_format!r}; channels come last here, as in 'NHWC'")
    if b.ndim != 1 or (x.ndim and None not in (x.shape[-1], b.shape[0]) and x.shape[-1] != b.shape[0]):
        raise ShapeError(
            f"bias_add: value {show_shape(x.shape)}, bias {show_shape(b.shape)}; the bias has one entry a channel"
        )
    return x + b


def crelu(features: Any, axis: int = -1) -> Tensor:
    """relu of x and of -x, side by side along `axis`."""
    x = convert_to_tensor(features)
    return relu(concat([x, -x], axis))


def log_sigmoid(x: Any) -> Tensor:
    """log(sigmoid(x)), without underflow."""
    return -softplus(-convert_to_tensor(x))


def swish(features: Any, beta: float = 1.0) -> Tensor:
    """x * sigmoid(beta x)."""
    x = convert_to_tensor(features)
    return x * sigmoid(x if beta == 1.0 else beta * x)


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any) -> Tensor:
    """Sigmoid cross-entropy with the positive term weighted: -pos_weight z log σ(x) - (1 - z) log(1 - σ(x))."""
    x = convert_to_tensor(logits)
    z = convert_to_tensor(labels)
    weight = 1 + (pos_weight - 1) * z
    return (1 - z) * x + weight * (log1p(exp(-abs_(x))) + relu(-x))


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False) -> Tensor:
    """exp(log_input) - log_input * targets; with Stirling's approximation of the rest where it is asked for in full."""
    z, c = convert_to_tensor(targets), convert_to_tensor(log_input)
    loss = exp(c) - c * z
    if not compute_full_loss:
        return loss
    safe = where(z > 1, z, ones_like(z))
    stirling = safe * log(safe) - safe + 0.5 * log(2.0 * math.pi * safe)
    return loss + where((z >= 0) & (z <= 1), zeros_like(z), stirling)


def embedding_lookup(params: Any, ids: Any, max_norm: float | None = None) -> Tensor:
    """The rows of `params` named by `ids`; rows longer than max_norm are scaled down to it. Raises TfcliError."""
    if isinstance(params, list | tuple):
        if len(params) != 1:
            raise TfcliError("embedding_lookup: tables in several pieces are not taken; tf.concat joins them")
        params = params[0]
    rows = gather(params, ids)
    if max_norm is None:
        return rows
    return clip_by_norm(rows, max_norm, list(range(convert_to_tensor(ids).ndim, rows.ndim)))


def sufficient_statistics(
    x: Any, axes: Sequence[int], shift: Any = None, keepdims: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Count, sum and sum of squares (of x - shift) along `axes`, and the shift."""
    x = convert_to_tensor(x)
    moved = x if shift is None else x - shift
    count = (
        reduce_sum(cast(ones_like(x), x.dtype), axes, keepdims)
        if None in x.shape
        else convert_to_tensor(
            np.asarray(math.prod(int(x.shape[a]) for a in axes), x.dtype.numpy)  # type: ignore[arg-type]
        )
    )
    offset = None if shift is None else convert_to_tensor(shift)
    return count, reduce_sum(moved, axes, keepdims), reduce_sum(square(moved), axes, keepdims), offset


def normalize_moments(counts: Any, mean_ss: Any, variance_ss: Any, shift: Any) -> tuple[Tensor, Tensor]:
    """Mean and variance from what sufficient_statistics gives."""
    mean = mean_ss / counts
    variance = variance_ss / counts - square(mean)
    return (mean if shift is None else mean + shift), variance


def weighted_moments(
    x: Any, axes: Sequence[int], frequency_weights: Any, keepdims: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance along `axes`, each entry counted with its weight."""
    x = convert_to_tensor(x)
    weights = convert_to_tensor(frequency_weights, x.dtype) + zeros_like(x)
    total = reduce_sum(weights, axes, keepdims=True)
    mean = reduce_sum(weights * x, axes, keepdims=True) / total
    variance = reduce_sum(weights * square(x - mean), axes, keepdims=True) / total
    return (mean, variance) if keepdims else (squeeze(mean, axes), squeeze(variance, axes))


class CtcLoss(Op):
    """labels (N, U), log probabilities (T, N, C), label lengths (N,), logit lengths (N,) -> losses (N,).

    Source: Graves et al., "Connectionist temporal classification", 2006.
    """

    blank: int
    vjp_labels = vjp_label_length = vjp_logit_length = None

    def infer(self, labels, log_probs, label_length, logit_length):
        if labels.rank != 2 or log_probs.rank != 3:
            raise ShapeError(
                f"ctc_loss: labels {show_shape(labels.shape)}, logits {show_shape(log_probs.shape)}; expected (batch, "
                "longest label) and (steps, batch, classes)"
            )
        return TensorSpec(Shape((log_probs.shape[1],)), log_probs.dtype)

    def forward(self, labels, log_probs, label_length, logit_length):
        total = _forward_backward(self.blank, labels, log_probs, label_length, logit_length)[0]
        return (-total).astype(log_probs.dtype)

    def vjp_log_probs(self, g, y, labels, log_probs, label_length, logit_length):
        return CtcLossGrad(self.blank)(g, labels, log_probs, label_length, logit_length)


class CtcLossGrad(Op):
    """g (N,) times the gradient of the CTC loss in the log probabilities, (T, N, C); not differentiable again."""

    blank: int
    vjp_g = vjp_labels = vjp_log_probs = vjp_label_length = vjp_logit_length = None

    def infer(self, g, labels, log_probs, label_length, logit_length):
        return log_probs

    def forward(self, g, labels, log_probs, label_length, logit_length):
        total, joint, symbols = _forward_backward(self.blank, labels, log_probs, label_length, logit_length)
        result = np.zeros(log_probs.shape)
        share = np.exp(joint - total[:, None])  # (T, N, S): how likely the path is there at that step
        share[~np.isfinite(share)] = 0.0
        steps, batch = np.arange(len(share))[:, None, None], np.arange(len(total))[:, None]
        np.add.at(result, (steps, batch, symbols), -share)
        return (result * g[:, None]).astype(log_probs.dtype)


def _forward_backward(
    blank: int, labels: np.ndarray, log_probs: np.ndarray, label_length: np.ndarray, logit_length: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log p(label) (N,); log p(path at s at step t, label) (T, N, S); the symbols with blanks between them (N, S)."""
    count, longest = labels.shape
    classes = log_probs.shape[-1]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise DataError(f"ctc_loss: labels from {labels.min()} to {labels.max()} with {classes} classes")
    symbols = np.full((count, 2 * longest + 1), blank, np.int64)
    symbols[:, 1::2] = labels
    ends = 2 * np.asarray(label_length, np.int64)
    emitted = np.take_along_axis(log_probs.astype(np.float64), symbols[None], axis=-1)  # (T, N, S)
    skips = np.zeros(symbols.shape, bool)
    skips[:, 2:] = (symbols[:, 2:] != blank) & (symbols[:, 2:] != symbols[:, :-2])
    forward = _alphas(emitted, skips)
    rows, last = np.arange(count), np.asarray(logit_length, np.int64) - 1
    final = forward[last, rows]
    before = np.where(ends > 0, final[rows, np.maximum(ends - 1, 0)], -np.inf)
    total = np.logaddexp(final[rows, ends], before)
    backward = _betas(emitted, skips, ends, last)
    return total, forward + backward, symbols


def _alphas(emitted: np.ndarray, skips: np.ndarray) -> np.ndarray:
    alpha = np.full(emitted.shape, -np.inf)
    alpha[0, :, :2] = emitted[0, :, :2]
    for t in range(1, len(emitted)):
        before = alpha[t - 1]
        reached = np.logaddexp(before, _moved(before, 1))
        reached = np.logaddexp(reached, np.where(skips, _moved(before, 2), -np.inf))
        alpha[t] = reached + emitted[t]
    return alpha


def _betas(emitted: np.ndarray, skips: np.ndarray, ends: np.ndarray, last: np.ndarray) -> np.ndarray:
    """log p(the rest of the label | at s after step t)."""
    places = np.arange(emitted.shape[-1])
    start = np.where((places == ends[:, None]) | (places == ends[:, None] - 1), 0.0, -np.inf)
    ahead = np.zeros_like(skips)
    ahead[:, :-2] = skips[:, 2:]
    beta = np.full(emitted.shape, -np.inf)
    for t in range(len(emitted))[::-1]:
        if t + 1 < len(emitted):
            after = beta[t + 1] + emitted[t + 1]
            reached = np.logaddexp(after, _moved(after, -1))
            beta[t] = np.logaddexp(reached, np.where(ahead, _moved(after, -2), -np.inf))
        beta[t][last == t] = start[last == t]
    return beta


def _moved(x: np.ndarray, by: int) -> np.ndarray:
    """x (N, S) moved along S, filled up with -inf."""
    result = np.full_like(x, -np.inf)
    if by > 0:
        result[:, by:] = x[:, :-by]
    else:
        result[:, :by] = x[:, -by:]
    return result


def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: int | None = None,
) -> Tensor:
    """-log p(labels | logits) for each example (N,), summed over all alignments. Raises ShapeError, DataError.

    labels (N, U) dense, logits (T, N, C), or (N, T, C) unless `logits_time_major`; `blank_index` is 0 by default.
    """
    if unique is not None:
        raise TfcliError("ctc_loss: leave `unique` out; labels are read as they are")
    x = convert_to_tensor(logits)
    x = x if logits_time_major else transpose(x, [1, 0, 2])
    classes = x.shape[-1]
    blank = 0 if blank_index is None else int(blank_index)
    if blank < 0 and classes is None:
        raise ShapeError("ctc_loss: a blank_index counted from the end needs a known number of classes")
    blank = blank + classes if blank < 0 else blank  # type: ignore[operator]
    return CtcLoss(blank)(labels, log_softmax(x), label_length, logit_length)
