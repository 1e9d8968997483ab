"""Keras's preprocessing layers for categories, and one-hot labels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from tfcli.data.stage import Batch, Context, Function, InputTransform, Transform, integers
from tfcli.data.vocabulary import Token, learn_tokens, look_up
from tfcli.declare import FieldError, NonNegativeInt, PositiveInt, nearest
from tfcli.errors import DataError

Encoding = Literal["one_hot", "multi_hot", "count"]


def encode(indices: np.ndarray, size: int, mode: str, floatx: str) -> np.ndarray:
    """Keras's category encoding of indices (N,) or (N, …, K) below `size`.

    one_hot: a vector an index, (N, …, K, size), an axis K of 1 becoming it; multi_hot and count: a vector an example,
    (N, …, size).
    """
    if indices.ndim == 1:
        indices = indices[:, None]
    if mode == "one_hot":
        encoded = np.zeros((*indices.shape, size), floatx)
        np.put_along_axis(encoded, indices[..., None], 1, axis=-1)
        return encoded[..., 0, :] if indices.shape[-1] == 1 else encoded
    flat = indices.reshape(-1, indices.shape[-1])
    encoded = np.zeros((len(flat), size), floatx)
    np.add.at(encoded, (np.arange(len(flat))[:, None], flat), 1)
    if mode == "multi_hot":
        encoded = np.minimum(encoded, 1)
    return encoded.reshape(*indices.shape[:-1], size)


class CategoryEncoding(InputTransform):
    """Whole numbers below `num_tokens` as vectors."""

    num_tokens: PositiveInt
    output_mode: Encoding = "multi_hot"

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        def run(array: np.ndarray) -> np.ndarray:
            indices = integers(array, name, context)
            refuse_outside(indices, self.num_tokens, name, context)
            return encode(indices, self.num_tokens, self.output_mode, context.floatx)

        return run


def refuse_outside(indices: np.ndarray, size: int, name: str, context: Context) -> None:
    """Raises DataError where an index is not in 0 … size - 1."""
    wrong = indices[(indices < 0) | (indices >= size)]
    if wrong.size:
        raise DataError(f"{context.where}: column {name!r} has {wrong[0]}, expected whole numbers from 0 to {size - 1}")


class Lookup(InputTransform, abstract=True):
    """Values as indices into a vocabulary: the mask, then unknown values, then the most frequent value first."""

    max_tokens: PositiveInt | None = None
    """The size of the vocabulary at most, those for masks and unknown values counted."""
    num_oov_indices: NonNegativeInt = 1
    output_mode: Literal["int"] | Encoding = "int"

    # Declared by each subclass, with its own kind of token.
    mask_token: Any
    oov_token: Any
    vocabulary: Any

    def check(self) -> None:
        if self.max_tokens is not None and self.max_tokens <= self._specials():
            raise FieldError("max_tokens", f"must be more than {self._specials()}: masks and unknown values count too")

    def _specials(self) -> int:
        return self.num_oov_indices + (self.mask_token is not None)

    @property
    def learns(self) -> bool:
        return self.vocabulary is None

    def learn_input(self, arrays: Iterator[np.ndarray], name: str, context: Context) -> Any:
        values = np.concatenate([array.ravel() for array in arrays])
        for special in (self.mask_token, self.oov_token):
            values = values[values != special] if special is not None else values
        return {
            "vocabulary": learn_tokens(values, None if self.max_tokens is None else self.max_tokens - self._specials())
        }

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        tokens = self._given() if self.vocabulary is not None else learned["vocabulary"]
        size = self.num_oov_indices + len(tokens)

        def run(array: np.ndarray) -> np.ndarray:
            masked = array == self.mask_token if self.mask_token is not None else np.zeros(array.shape, bool)
            indices = np.where(masked, 0, look_up(array, tokens, self.num_oov_indices))
            if (indices < 0).any():
                value = array[indices < 0][0]
                raise DataError(f"{context.where}: column {name!r} has {value!r}, which is not in the vocabulary")
            if self.output_mode == "int":
                return np.where(masked, 0, indices + (self.mask_token is not None))
            # A vector has no place for masks: they go to one past the end, which is cut off.
            encoded = encode(np.where(masked, size, indices), size + 1, self.output_mode, context.floatx)
            return encoded[..., :size]

        return run

    def _given(self) -> Sequence[Token]:
        """The vocabulary's own tokens: Keras lets a list begin with the mask and the out-of-vocabulary token."""
        specials = ([] if self.mask_token is None else [self.mask_token]) + [self.oov_token] * self.num_oov_indices
        tokens = list(self.vocabulary)
        return tokens[len(specials) :] if specials and tokens[: len(specials)] == specials else tokens


class StringLookup(Lookup):
    """Texts as indices into a vocabulary, which is the training split's where none is given."""

    mask_token: str | None = None
    oov_token: str = "[UNK]"
    vocabulary: list[str] | None = None

    def checked(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        if array.dtype != object:
            raise DataError(f"{context.where}: column {name!r} has numbers ({array.dtype}), and this stage takes texts")
        return array


class IntegerLookup(Lookup):
    """Whole numbers as indices into a vocabulary, which is the training split's where none is given."""

    mask_token: int | None = None
    oov_token: int = -1
    vocabulary: list[int] | None = None

    def checked(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        return integers(array, name, context)


class OneHot(Transform):
    """Whole-number labels (N,) as one-hot vectors (N, depth)."""

    depth: PositiveInt | None = None
    """The number of classes. Default: one more than the training split's greatest label."""
    label: str | None = None
    """The label, where there are several. Default: all."""

    @property
    def learns(self) -> bool:
        return self.depth is None

    def _names(self, batch: Batch, context: Context) -> list[str]:
        if self.label is not None and batch.targets and self.label not in batch.targets:
            hint = nearest(self.label, batch.targets) or f"there are: {', '.join(batch.targets)}"
            raise DataError(f"{context.where}: there is no label {self.label!r}; {hint}")
        return [name for name in batch.targets if self.label in (None, name)]

    def learn(self, batches: Iterable[Batch], context: Context) -> dict[str, Any]:
        depths: dict[str, int] = {}
        for batch in batches:
            for name in self._names(batch, context):
                labels = integers(batch.targets[name], name, context)
                refuse_outside(labels, np.iinfo(np.int64).max, name, context)
                depths[name] = max(depths.get(name, 0), int(labels.max()) + 1)
        return depths

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        def run(batch: Batch) -> Batch:
            changed = {}
            for name in self._names(batch, context):
                depth = self.depth or learned[name]
                labels = integers(batch.targets[name], name, context)
                refuse_outside(labels, depth, name, context)
                changed[name] = encode(labels, depth, "one_hot", context.floatx)
            return replace(batch, targets=batch.targets | changed)

        return run
