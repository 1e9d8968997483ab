"""Tables of vectors by index or position, and masks of steps that do not count."""

from typing import Any, ClassVar

from tfcli.declare import PositiveInt
from tfcli.engine.ops.comparison import not_equal
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.reduce import reduce_any
from tfcli.engine.ops.sequences import CheckIds
from tfcli.engine.ops.shape import expand_dims
from tfcli.engine.spec import Shape, as_dtype, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer
from tfcli.models.regularizers import Regularizer


class Embedding(Layer):
    """A learned vector for each id: (…) -> (…, output_dim). Raises DataError for an id outside 0 .. input_dim - 1."""

    input_dim: PositiveInt
    "How many ids there are: the largest plus one."
    output_dim: PositiveInt
    embeddings_initializer: Initializer = "random_uniform"  # type: ignore[assignment]
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False
    "Whether id 0 is padding that the layers after this one skip."

    keeps_integers = True

    def build(self, input_shape: Shape) -> None:
        self.embeddings = self.add_weight(
            "embeddings",
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            True,
            self.embeddings_regularizer,
            self.embeddings_constraint,
        )

    def call(self, inputs: Tensor) -> Tensor:
        return gather(self.embeddings, CheckIds(self.input_dim, self.path)(_ids(inputs)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return not_equal(_ids(inputs), as_dtype(_ids(inputs).dtype).numpy.type(0)) if self.mask_zero else None


def _ids(inputs: Tensor) -> Tensor:
    """As Keras: what is no int32 or int64 becomes int32."""
    return inputs if inputs.dtype in ("int32", "int64") else cast(inputs, "int32")


class PositionEmbedding(Layer):
    """x plus a learned vector for each position: (N, T, C) -> (N, T, C)."""

    embeddings_initializer: Initializer = "random_uniform"  # type: ignore[assignment]
    embeddings_regularizer: Regularizer | None = None
    embeddings_constraint: Constraint | None = None

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"expected (batch, time, channels), got {show_shape(input_shape)}")
        self.embeddings = self.add_weight(
            "embeddings",
            input_shape[-2:],
            self.embeddings_initializer,
            True,
            self.embeddings_regularizer,
            self.embeddings_constraint,
        )

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + self.embeddings


class Masking(Layer):
    """Masks the time steps at which every feature is `mask_value`, and sets them to 0: (N, T, C) -> (N, T, C)."""

    mask_value: float = 0.0

    supports_masking: ClassVar[bool] = True

    def call(self, inputs: Tensor) -> Tensor:
        return where(expand_dims(self._counts(inputs), -1), inputs, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self._counts(inputs)

    def _counts(self, inputs: Tensor) -> Tensor:
        return reduce_any(not_equal(inputs, self.mask_value), axis=-1)
