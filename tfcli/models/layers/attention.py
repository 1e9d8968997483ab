"""Attention without heads, Keras's two older layers, and what all attention layers share."""

from typing import Any, Literal

from tfcli.declare import DropRate
from tfcli.engine.ops.comparison import logical_and
from tfcli.engine.ops.elementary import tanh
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.linalg import band_part, matmul
from tfcli.engine.ops.nn import dropout, softmax
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import expand_dims, ones_like
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError
from tfcli.models.layers.base import feature_size
from tfcli.models.layers.keras_order import KerasOrder


def band(scores: Tensor, before: int, after: int) -> Tensor:
    """A mask (T, S) for scores (…, T, S): true from `before` steps before a query to `after` after it; -1: all."""
    plane = ones_like(scores[(0,) * (scores.ndim - 2)])
    return band_part(plane, before, after) > 0.0


def both(mask: Tensor | None, other: Tensor) -> Tensor:
    return other if mask is None else logical_and(mask, other)


def as_mask(mask: Any) -> Tensor | None:
    return None if mask is None else cast(convert_to_tensor(mask), "bool")


def roles(given: Any) -> tuple[Any, Any, Any]:
    """Query, value and key of one input (self-attention), [query, value] or [query, value, key]. Raises ShapeError."""
    listed = given if isinstance(given, list) else [given]
    if not 1 <= len(listed) <= 3:
        raise ShapeError(f"attention reads one input, [query, value] or [query, value, key], got {len(listed)} inputs")
    query, value = listed[0], listed[min(1, len(listed) - 1)]
    return query, value, listed[2] if len(listed) == 3 else value


class Scored(KerasOrder, abstract=True):
    """Base of the attention layers without heads: [query (N, T, C), value (N, S, V), key (N, S, C)] -> (N, T, V).

    Without a key the value is the key too.

    From Python, `return_attention_scores` returns (output, weights (N, T, S)).
    """

    dropout: DropRate = 0.0
    "The fraction of the attention weights that training drops."
    seed: int | None = None
    "Of the dropout; by default that of the whole run."
    use_causal_mask: bool = False
    "Whether a query sees no step after its own."

    supports_masking = True
    many_inputs = True

    def build(self, input_shape: Any) -> None:
        if not isinstance(input_shape, list) or len(input_shape) not in (2, 3):
            count = len(input_shape) if isinstance(input_shape, list) else 1
            raise ShapeError(f"expected [query, value] or [query, value, key] as inputs, got {count}")
        self.make_weights(input_shape[0])

    def make_weights(self, query: Shape) -> None:
        raise TypeError(f"the layer {type(self).__name__} has no make_weights")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How much each query (N, T, C) asks for each key (N, S, C): (N, T, S)."""
        raise TypeError(f"the layer {type(self).__name__} has no scores")

    def call(
        self,
        inputs: list[Tensor],
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = roles(inputs)
        query_mask, value_mask = (None, None) if mask is None else map(as_mask, mask[:2])
        scores = self.scores(query, key)
        seen = None if value_mask is None else expand_dims(value_mask, -2)
        if self.use_causal_mask or use_causal_mask:
            seen = both(seen, band(scores, -1, 0))
        if seen is not None:
            scores = where(seen, scores, scores - (65504.0 if scores.dtype == "float16" else 1e9))
        weights = softmax(scores, -1)
        if training and self.dropout:
            weights = dropout(weights, self.dropout, seed=self.seed)
        output = matmul(weights, value)  # (N, T, S) (N, S, V) -> (N, T, V)
        if query_mask is not None:
            output = where(expand_dims(query_mask, -1), output, 0.0)
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]


def _sums(query: Tensor, key: Tensor) -> Tensor:
    """Every query plus every key: (N, T, C) and (N, S, C) -> (N, T, S, C)."""
    return expand_dims(query, -2) + expand_dims(key, -3)


class Attention(Scored):
    """softmax(Q Kᵀ) V without projections: [query (N, T, C), value (N, S, V), key (N, S, C)] -> (N, T, V).

    Luong et al., 2015.
    """

    use_scale: bool = False
    "Whether a learned number multiplies the scores."
    score_mode: Literal["dot", "concat"] = "dot"
    "`dot`: q · k; `concat`: Σ tanh(q + k), with a learned weight."

    order = ("use_scale", "score_mode")

    def make_weights(self, query: Shape) -> None:
        if self.use_scale:
            self.scale = self.add_weight("scale", (), "ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        if self.score_mode == "dot":
            product = matmul(query, key, transpose_b=True)
            return product * self.scale if self.use_scale else product
        total = _sums(query, key)
        return self.concat_score_weight * reduce_sum(tanh(self.scale * total if self.use_scale else total), -1)


class AdditiveAttention(Scored):
    """softmax(Σ scale · tanh(q + k)) V: [query (N, T, C), value (N, S, V), key (N, S, C)] -> (N, T, V).

    Bahdanau et al., 2015.
    """

    use_scale: bool = True
    "Whether each feature has a learned weight in the scores."

    order = ("use_scale",)

    def make_weights(self, query: Shape) -> None:
        if self.use_scale:
            self.scale = self.add_weight("scale", (feature_size(query, "additive_attention"),), "glorot_uniform")

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        activated = tanh(_sums(query, key))
        return reduce_sum(self.scale * activated if self.use_scale else activated, -1)
