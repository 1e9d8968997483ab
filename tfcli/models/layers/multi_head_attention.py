"""Attention with heads: queries, keys and values projected for each head."""

import math
from collections.abc import Sequence
from typing import Any

from tfcli.declare import DropRate, FieldError, PositiveInt
from tfcli.engine.ops.elementary import exp, sigmoid
from tfcli.engine.ops.elementwise import where
from tfcli.engine.ops.join import tile
from tfcli.engine.ops.linalg import einsum
from tfcli.engine.ops.nn import dropout, softmax
from tfcli.engine.ops.reduce import reduce_logsumexp
from tfcli.engine.ops.shape import expand_dims, reshape
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.attention import as_mask, band, both, roles
from tfcli.models.layers.base import Weight, feature_size
from tfcli.models.layers.keras_order import KerasOrder
from tfcli.models.regularizers import Regularizer


class Heads(KerasOrder, abstract=True):
    """Base of the layers softmax(Q Kᵀ / √d) V, with Q, K and V projected for each head (Vaswani et al., 2017).

    The inputs' masks (N, T) hide steps. From Python there is also `attention_mask` (N, T, S), and
    `return_attention_scores` returns (output, weights).
    """

    dropout: DropRate = 0.0
    "The fraction of the attention weights that training drops."
    use_bias: bool = True
    sliding_window: PositiveInt | None = None
    "How far, in steps to either side, a query sees (1: itself alone); by default everywhere."
    flash_attention: bool | None = None
    "`true` asks for a GPU's kernel, which there is none of."
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    "Of the outputs of all projections."
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    use_gate: bool = False
    "Whether a sigmoid of a further projection of the query multiplies the heads' outputs."
    seed: int | None = None
    "Of the dropout; by default that of the whole run."
    use_causal_mask: bool = False
    "Whether a query sees no step after its own."

    supports_masking = True
    many_inputs = True
    _projections: dict[str, list[Weight]]
    """Kernel and bias of each by name."""

    def check(self) -> None:
        if self.flash_attention:
            message = "there is no flash attention here, training runs on the CPU"
            raise FieldError("flash_attention", message, "leave it out: the numbers are the same")

    def __call__(self, inputs: Any, value: Any = None, key: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Apply the layer to one input or a list; as in Keras also `layer(query, value, key)`. Raises ShapeError."""
        if value is None and key is not None:
            raise ShapeError(f"{self.path}: a key goes with a value; call layer(query, value, key)")
        given = inputs if value is None else [t for t in (inputs, value, key) if t is not None]
        return super().__call__(given, **kwargs)

    def add_projection(self, name: str, kernel_shape: tuple[int, ...], bias_shape: tuple[int, ...]) -> None:
        self._projections[name] = [
            self.add_weight(
                f"{name}/kernel",
                kernel_shape,
                self.kernel_initializer,
                True,
                self.kernel_regularizer,
                self.kernel_constraint,
            )
        ]
        if self.use_bias:
            self._projections[name].append(
                self.add_weight(
                    f"{name}/bias", bias_shape, self.bias_initializer, True, self.bias_regularizer, self.bias_constraint
                )
            )

    def project(self, name: str, x: Tensor) -> Tensor:
        """(…, C) -> (…, H, D) for each head."""
        y = self._affine(name, einsum("...c,chd->...hd", x, self._projections[name][0]))
        y = sigmoid(y) if name == "gate" else y
        self._add_activity_loss(y)
        return y

    def _affine(self, name: str, product: Tensor) -> Tensor:
        return product + self._projections[name][1] if self.use_bias else product

    def join_heads(self, x: Tensor) -> Tensor:
        """(…, H, D) -> (…, C), or to the several axes of an `output_shape`."""
        kernel, letters = self._projections["attention_output"][0], "uvwxyz"
        out = letters[: kernel.array.ndim - 2]
        return self._affine("attention_output", einsum(f"...hd,hd{out}->...{out}", x, kernel))

    def mask_of(
        self, scores: Tensor, masks: Sequence[Any], attention_mask: Any, causal: bool, axes: int
    ) -> Tensor | None:
        """What may be seen, for scores (N, …, H, T, S): `masks` are those of query (N, T), value and key (N, S)."""
        mask = as_mask(attention_mask)
        query, value, key = map(as_mask, masks)
        if query is not None:
            mask = both(mask, expand_dims(query, -1))
        for hidden in (value, key):
            if hidden is not None:
                mask = both(mask, expand_dims(hidden, -2))
        if mask is not None:
            for _ in range(scores.ndim - mask.ndim):
                mask = expand_dims(mask, mask.ndim - 2 * axes)
        if causal:
            mask = both(mask, band(scores, -1, 0))
        if self.sliding_window is not None:
            mask = both(mask, band(scores, self.sliding_window - 1, self.sliding_window - 1))
        return mask

    def weigh(self, scores: Tensor, mask: Tensor | None, axes: int) -> Tensor:
        """Softmax over the last `axes` axes of what the mask lets through."""
        if mask is not None:
            scores = where(mask, scores, -3e4 if scores.dtype.size == 2 else -1e9)
        if axes == 1:
            weights = softmax(scores, -1)
        else:
            weights = exp(scores - reduce_logsumexp(scores, list(range(-axes, 0)), keepdims=True))
        # Where a query sees nothing Keras gives equal weights, or zeros on the path it takes with dropout or more axes.
        zeros = mask is not None and (self.dropout > 0 or scores.ndim != 4)
        return where(mask, weights, 0.0) if zeros else weights

    def drop(self, weights: Tensor, training: bool) -> Tensor:
        return dropout(weights, self.dropout, seed=self.seed) if training and self.dropout else weights

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask[0] if isinstance(mask, list) else mask


def _input_masks(mask: Any) -> tuple[Any, Any, Any]:
    """The masks of query, value and key; Keras lets a key that is the value have none of its own."""
    listed = mask if isinstance(mask, list) else [mask]
    return listed[0], listed[min(1, len(listed) - 1)], listed[2] if len(listed) == 3 else None


class MultiHeadAttention(Heads):
    """query (N, T, C), value and key (N, S, …) -> (N, T, C), or (N, T, *output_shape). One input: self-attention."""

    num_heads: PositiveInt
    key_dim: PositiveInt
    "The size of each head's query and key."
    value_dim: PositiveInt | None = None
    "The size of each head's value; by default `key_dim`."
    output_shape: PositiveInt | list[PositiveInt] | None = None
    "Of the output behind the time axis; by default the query's."
    attention_axes: int | list[int] | None = None
    "The axes that attend to one another; by default all between batch and features."

    order = ("num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes")

    def build(self, input_shape: Any) -> None:
        query, value, key = roles(input_shape)
        if value[1:-1] != key[1:-1]:
            raise ShapeError(f"value {show_shape(value)} and key {show_shape(key)} must agree in all axes but the last")
        if len(query) != len(value):
            raise ShapeError(f"query {show_shape(query)} and value {show_shape(value)} must have equally many axes")
        self.axes = self._attention_axes(query)
        if len(self.axes) > 1 and (self.use_causal_mask or self.sliding_window):
            raise ShapeError(
                f"a causal mask or sliding window needs one axis of time; attention is over the axes {self.axes}"
            )
        heads, size = self.num_heads, self.value_dim or self.key_dim
        self._projections = {}
        gate = [("gate", query, size)] if self.use_gate else []
        for name, shape, width in (
            ("query", query, self.key_dim),
            ("key", key, self.key_dim),
            *gate,
            ("value", value, size),
        ):
            self.add_projection(name, (feature_size(shape, name), heads, width), (heads, width))
        out = (self.output_shape,) if isinstance(self.output_shape, int) else tuple(self.output_shape or query[-1:])
        self.add_projection("attention_output", (heads, size, *out), out)

    def _attention_axes(self, query: Shape) -> tuple[int, ...]:
        rank = len(query)
        if rank < 3:
            raise ShapeError(f"attention reads (batch, time, features), got {show_shape(query)}")
        wanted = self.attention_axes
        listed = list(range(1, rank - 1)) if wanted is None else [wanted] if isinstance(wanted, int) else wanted
        axes = tuple(axis if axis >= 0 else rank + axis for axis in listed)
        if not all(0 < axis < rank - 1 for axis in axes) or len(set(axes)) < len(axes) or not axes:
            raise ShapeError(
                f"attention_axes {wanted} of {show_shape(query)}: expected axes between the batch and the features, "
                f"1 to {rank - 2}, each once"
            )
        return axes

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = roles(inputs)
        found = _input_masks(mask)
        masks = [a if a is not None else b for a, b in zip((query_mask, value_mask, key_mask), found, strict=True)]
        q, k, v = self.project("query", query), self.project("key", key), self.project("value", value)
        scoring, combining = _equations(query.ndim, self.axes)
        scores = einsum(
            scoring, q * (1.0 / math.sqrt(self.key_dim)), k
        )  # (N, …, T, H, D) (N, …, S, H, D) -> (N, …, H, T, S)
        causal, count = self.use_causal_mask or use_causal_mask, len(self.axes)
        weights = self.weigh(scores, self.mask_of(scores, masks, attention_mask, causal, count), count)
        heads = einsum(combining, self.drop(weights, training), v)  # (N, …, H, T, S) (N, …, S, H, V) -> (N, …, T, H, V)
        if self.use_gate:
            heads = heads * self.project("gate", query)
        output = self.join_heads(heads)
        return (output, weights) if return_attention_scores else output


def _equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """How queries (N, …, H, D) meet keys, and weights meet values, over the attention axes of inputs of `rank` axes."""
    positions = "abcefg"[: rank - 1]
    queries = "".join("ijklmn"[i] if i in axes else label for i, label in enumerate(positions))
    keys = "".join("pqrstu"[i] if i in axes else label for i, label in enumerate(positions))
    shared = "".join(label for i, label in enumerate(positions) if i not in axes)
    scores = shared + "h" + "".join(queries[a] for a in axes) + "".join(keys[a] for a in axes)
    return f"{queries}hd,{keys}hd->{scores}", f"{scores},{keys}hd->{queries}hd"


class GroupQueryAttention(Heads, aliases=("grouped_query_attention",)):
    """Attention whose query heads share fewer key and value heads: query (N, T, C), value (N, S, C) -> (N, T, C).

    Ainslie et al., 2023.
    """

    head_dim: PositiveInt
    num_query_heads: PositiveInt
    num_key_value_heads: PositiveInt

    order = ("head_dim", "num_query_heads", "num_key_value_heads")

    def check(self) -> None:
        super().check()
        if self.num_query_heads % self.num_key_value_heads:
            message = f"{self.num_query_heads} query heads cannot share {self.num_key_value_heads} others equally"
            raise FieldError("num_key_value_heads", message, "choose a divisor of `num_query_heads`")

    def build(self, input_shape: Any) -> None:
        query, value, key = roles(input_shape)
        if any(len(shape) != 3 for shape in (query, value, key)):
            raise ShapeError(
                f"attention reads (batch, time, features), got {show_shape(query)} and {show_shape(value)}"
            )
        if query[-1] != value[-1]:
            raise ShapeError(f"query {show_shape(query)} and value {show_shape(value)} must have equally many features")
        if value[1] != key[1]:
            raise ShapeError(f"value {show_shape(value)} and key {show_shape(key)} must have equally many time steps")
        many, few, size = self.num_query_heads, self.num_key_value_heads, self.head_dim
        self._projections = {}
        gate = [("gate", query, many)] if self.use_gate else []
        for name, shape, heads in (("query", query, many), ("key", key, few), *gate, ("value", value, few)):
            self.add_projection(name, (feature_size(shape, name), heads, size), (heads, size))
        out = feature_size(query, "query")
        self.add_projection("attention_output", (many, size, out), (out,))

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = roles(inputs)
        found = _input_masks(mask)
        masks = [a if a is not None else b for a, b in zip((query_mask, value_mask, key_mask), found, strict=True)]
        q = self.project("query", query) * (1.0 / math.sqrt(self.head_dim))
        k, v = self._shared(self.project("key", key)), self._shared(self.project("value", value))
        scores = einsum("bqhd,bkhd->bhqk", q, k)
        causal = self.use_causal_mask or use_causal_mask
        weights = self.weigh(scores, self.mask_of(scores, masks, attention_mask, causal, 1), 1)
        heads = einsum("bhqk,bkhd->bqhd", self.drop(weights, training), v)
        if self.use_gate:
            heads = heads * self.project("gate", query)
        output = self.join_heads(heads)
        return (output, weights) if return_attention_scores else output

    def _shared(self, x: Tensor) -> Tensor:
        """Each key or value head repeated for the query heads that share it: (N, S, few, D) -> (N, S, many, D)."""
        times = self.num_query_heads // self.num_key_value_heads
        return reshape(tile(expand_dims(x, 3), (1, 1, 1, times, 1)), [None, None, self.num_query_heads, self.head_dim])
