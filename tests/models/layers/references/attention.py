"""Attention, with and without heads."""

import math
from typing import Any

import numpy as np

from references.activations import sigmoid, softmax
from references.reference import Weights, reference, several


def roles(xs: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Query, value and key: one input is all of them, and without a key the value is the key."""
    query, value = xs[0], xs[min(1, len(xs) - 1)]
    return query, value, xs[2] if len(xs) == 3 else value


def weigh(f: Any, scores: np.ndarray, value: np.ndarray, masks: list[Any], training: bool, draws: Any) -> np.ndarray:
    """softmax(scores (N, T, S)) value (N, S, V), of what may be seen; 0 where the query is masked."""
    seen = np.ones(scores.shape, bool)
    if len(masks) > 1 and masks[1] is not None:
        seen &= masks[1][:, None, :]
    if f.use_causal_mask:
        seen &= np.tri(*scores.shape[1:], dtype=bool)
    weights = softmax(np.where(seen, scores, scores - 1e9))
    if training and f.dropout:
        weights = weights * next(draws)
    output = np.einsum("nts,nsv->ntv", weights, value)
    return output if masks[0] is None else output * masks[0][..., None]


@reference("attention")
def attention(f: Any, w: Weights, *xs: np.ndarray, masks: list[Any], training: bool, draws: Any) -> np.ndarray:
    query, value, key = roles(xs)
    scale = w.get("scale", 1)
    if f.score_mode == "dot":
        scores = scale * np.einsum("ntc,nsc->nts", query, key)
    else:
        sums = query[:, :, None] + key[:, None]
        scores = w["concat_score_weight"] * np.tanh(scale * sums).sum(-1)
    return weigh(f, scores, value, masks, training, draws)


@reference("additive_attention")
def additive_attention(f: Any, w: Weights, *xs: np.ndarray, masks: list[Any], training: bool, draws: Any) -> np.ndarray:
    query, value, key = roles(xs)
    sums = np.tanh(query[:, :, None] + key[:, None])
    return weigh(f, (w.get("scale", 1) * sums).sum(-1), value, masks, training, draws)


def projected(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """(…, C) -> (…, H, D)."""
    return np.einsum("...c,chd->...hd", x, w[f"{name}/kernel"]) + w.get(f"{name}/bias", 0)


def seen_by(f: Any, shape: tuple[int, ...], masks: list[Any]) -> np.ndarray | None:
    """What may be seen, (N, 1, T, S), or None for all; a key that is the value has no mask of its own."""
    n, _, t, s = shape
    conditions = []
    query, value, key = masks[0], masks[min(1, len(masks) - 1)], masks[2] if len(masks) == 3 else None
    if query is not None:
        conditions.append(query[:, None, :, None])
    conditions += [m[:, None, None, :] for m in (value, key) if m is not None]
    if f.use_causal_mask:
        conditions.append(np.tri(t, s, dtype=bool)[None, None])
    if f.sliding_window is not None:
        conditions.append((np.abs(np.arange(t)[:, None] - np.arange(s)) < f.sliding_window)[None, None])
    return np.logical_and.reduce(np.broadcast_arrays(*conditions, np.ones((n, 1, t, s), bool))) if conditions else None


def heads(f: Any, q: np.ndarray, k: np.ndarray, v: np.ndarray, masks: list[Any], draws: Any, zeros: bool) -> np.ndarray:
    """softmax(Q Kᵀ / √d) V for each head: (N, T, H, D), (N, S, H, D), (N, S, H, V) -> (N, T, H, V).

    A query that sees nothing sees all alike, or with `zeros` nothing.
    """
    scores = np.einsum("nthd,nshd->nhts", q, k) / math.sqrt(q.shape[-1])
    seen = seen_by(f, scores.shape, masks)
    weights = softmax(scores if seen is None else np.where(seen, scores, -1e9))
    if zeros and seen is not None:
        weights = weights * seen
    return np.einsum("nhts,nshv->nthv", weights * next(draws) if draws else weights, v)


def joined(f: Any, w: Weights, x: np.ndarray, query: np.ndarray) -> np.ndarray:
    """(…, H, D) through the gate, where there is one, and the last projection."""
    if f.use_gate:
        x = x * sigmoid(projected(w, "gate", query))
    return np.tensordot(x, w["attention_output/kernel"], 2) + w.get("attention_output/bias", 0)


@reference("multi_head_attention")
def multi_head_attention(
    f: Any, w: Weights, *xs: np.ndarray, masks: list[Any], training: bool, draws: Any
) -> np.ndarray:
    query, value, key = roles(xs)
    rank = query.ndim
    axes = list(range(1, rank - 1)) if f.attention_axes is None else several(f.attention_axes, 1)
    q, k, v = projected(w, "query", query), projected(w, "key", key), projected(w, "value", value)
    attended = [axis % rank for axis in axes]
    apart = [axis for axis in range(rank - 1) if axis not in attended]
    flat = [flattened(t, apart, attended) for t in (q, k, v)]
    if rank > 3:  # each example stands for as many as there are places that do not attend
        times = flat[0].shape[0] // query.shape[0]
        masks = [m if m is None else np.repeat(m, times, axis=0) for m in masks]
    drawn = draws if training and f.dropout else None
    made = heads(f, *flat, masks, drawn, zeros=f.dropout > 0 or rank > 3)
    sizes = [query.shape[axis] for axis in (*apart, *attended)]
    back = np.argsort([*apart, *attended])
    made = made.reshape(*sizes, *made.shape[-2:]).transpose(*back, rank - 1, rank)
    return joined(f, w, made, query)


def flattened(x: np.ndarray, apart: list[int], attended: list[int]) -> np.ndarray:
    """(…, H, D) with the axes that attend as one, the second, and the others as the batch."""
    moved = x.transpose(*apart, *attended, x.ndim - 2, x.ndim - 1)
    return moved.reshape(math.prod(x.shape[axis] for axis in apart), -1, *x.shape[-2:])


@reference("group_query_attention")
def group_query_attention(
    f: Any, w: Weights, *xs: np.ndarray, masks: list[Any], training: bool, draws: Any
) -> np.ndarray:
    query, value, key = roles(xs)
    times = f.num_query_heads // f.num_key_value_heads
    k, v = (np.repeat(projected(w, name, x), times, axis=2) for name, x in (("key", key), ("value", value)))
    drawn = draws if training and f.dropout else None
    made = heads(f, projected(w, "query", query), k, v, masks, drawn, zeros=f.dropout > 0)
    return joined(f, w, made, query)
