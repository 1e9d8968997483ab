"""Categories as indices and vectors without anything learned."""

from typing import Any, Literal

import numpy as np

from tfcli.declare import FieldError, PositiveInt
from tfcli.engine.fingerprints import crossed_bins, fingerprint64, hash_bins
from tfcli.engine.preprocessing.encoding import (
    Encoding,
    as_bytes,
    encode,
    encoded_spec,
    refuse_outside,
    refuse_sparse,
    whole_numbers,
)
from tfcli.engine.preprocessing.learning import OnArrays
from tfcli.engine.spec import TensorSpec, int64, show_shape
from tfcli.errors import DtypeError, ShapeError

Salt = int | list[int]
"""One number, or two, that a hash depends on."""


def salt_key(salt: Salt | None) -> list[int] | None:
    """The two numbers of a key. Raises FieldError for another count."""
    if salt is None or (isinstance(salt, list) and len(salt) == 2):
        return salt
    if isinstance(salt, list):
        raise FieldError("salt", f"expected one number or two, got {len(salt)}")
    return [salt, salt]


class CategoryEncoding(OnArrays):
    """Whole numbers below `num_tokens` as vectors."""

    num_tokens: PositiveInt
    output_mode: Encoding = "multi_hot"
    sparse: bool = False

    def check(self) -> None:
        refuse_sparse(self.sparse)

    def infer(self, prepared: Any, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        if inputs[0].dtype == "string":
            raise DtypeError(f"expected whole numbers, got texts {show_shape(inputs[0].shape)}")
        return encoded_spec(inputs[0], self.num_tokens, self.output_mode, floatx)

    def compute(self, prepared: Any, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        """`inputs` are indices, and in count mode maybe the weight of each."""
        indices = whole_numbers(inputs[0])
        refuse_outside(indices, self.num_tokens)
        return encode(indices, self.num_tokens, self.output_mode, floatx, *inputs[1:])


class Hashing(OnArrays):
    """Values as one of `num_bins` bins by a hash of their text: FarmHash's Fingerprint64, or SipHash with a salt."""

    num_bins: PositiveInt
    mask_value: str | int | None = None
    "The value that bin 0 is kept for."
    salt: Salt | None = None
    "One number or two that choose another hash."
    output_mode: Literal["int"] | Encoding = "int"
    sparse: bool = False

    def check(self) -> None:
        refuse_sparse(self.sparse)
        salt_key(self.salt)

    def infer(self, prepared: Any, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        if self.output_mode == "int":
            return TensorSpec(inputs[0].shape, int64)
        return encoded_spec(inputs[0], self.num_bins, self.output_mode, floatx)

    def compute(self, prepared: Any, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        indices = self.bins(inputs[0])
        return indices if self.output_mode == "int" else encode(indices, self.num_bins, self.output_mode, floatx)

    def bins(self, values: np.ndarray) -> np.ndarray:
        """The bin of each value, int64."""
        masked = self.mask_value is not None and self.num_bins > 1
        texts = as_bytes(values)
        bins = hash_bins(texts, self.num_bins - masked, salt_key(self.salt)).reshape(values.shape)
        if not masked:
            return bins
        mask = str(self.mask_value).encode()
        is_mask = np.fromiter((text == mask for text in texts), bool, len(texts)).reshape(values.shape)
        return np.where(is_mask, 0, bins + 1)


class HashedCrossing(OnArrays):
    """Combinations of values, one from each of several inputs, as one of `num_bins` bins by a hash."""

    num_bins: PositiveInt
    output_mode: Literal["int", "one_hot"] = "int"
    sparse: bool = False

    def check(self) -> None:
        refuse_sparse(self.sparse)

    def infer(self, prepared: Any, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        first = inputs[0].shape
        shapes = ", ".join(show_shape(x.shape) for x in inputs)
        if len(inputs) < 2 or any(len(x.shape) != len(first) for x in inputs):
            raise ShapeError(f"expected at least two inputs of one shape, got {shapes}")
        if len(first) > 2 or (len(first) == 2 and any(x.shape[1] not in (1, None) for x in inputs)):
            raise ShapeError(f"expected single values, inputs of shape (batch,) or (batch, 1), got {shapes}")
        for x in inputs:
            if x.dtype != "string" and not x.dtype.is_integer:
                raise DtypeError(f"expected whole numbers or texts, got {x.dtype.name}; a discretization makes bins")
        if self.output_mode == "int":
            return TensorSpec(first, int64)
        return encoded_spec(inputs[0], self.num_bins, "one_hot", floatx)

    def compute(self, prepared: Any, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        indices = crossed(inputs, self.num_bins)
        return indices if self.output_mode == "int" else encode(indices, self.num_bins, "one_hot", floatx)


def crossed(columns: tuple[np.ndarray, ...] | list[np.ndarray], bins: int) -> np.ndarray:
    """The bin of each combination, in the shape of a column: texts by their fingerprint, numbers as they are."""
    words = [
        fingerprint64(as_bytes(column)) if column.dtype == object else column.astype(np.int64).view(np.uint64).ravel()
        for column in columns
    ]
    return crossed_bins(words, bins).reshape(columns[0].shape)
