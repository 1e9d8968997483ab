"""Texts cut into tokens, and the tokens as indices or vectors."""

import string
from collections.abc import Callable
from itertools import chain
from typing import Any, Literal

import numpy as np

from tfcli.declare import FieldError, FunctionName, PathString, PositiveInt
from tfcli.declare.functions import load_function
from tfcli.engine.preprocessing.encoding import as_bytes, as_texts, count, require_string, require_texts
from tfcli.engine.preprocessing.lookup import Lookup, LookupMode, Table
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, int64, show_shape
from tfcli.engine.tensor import Tensor, as_array
from tfcli.errors import DataError, ShapeError

_PUNCTUATION = string.punctuation.encode()
Rows = list[list[bytes]]
"""The tokens of each text."""


class TextVectorization(Lookup):
    """Texts as the indices of their tokens: padding, then unknown tokens, then the most frequent token first.

    As in Keras, lower case is that of ASCII letters alone. (N,) or (N, 1) texts -> (N, tokens) int64, filled with 0 to
    the longest or to `output_sequence_length`; or a vector a text, (N, size of the vocabulary).
    """

    max_tokens: PositiveInt | None = None
    "The size of the vocabulary at most, padding and unknown tokens counted."
    standardize: Literal["lower_and_strip_punctuation", "lower", "strip_punctuation"] | FunctionName | None = (
        "lower_and_strip_punctuation"
    )
    "What is done to a text first; a function is given a tensor of texts."
    split: Literal["whitespace", "character"] | FunctionName | None = "whitespace"
    "Where tokens end; a function is given one text, null: the texts are tokens."
    ngrams: PositiveInt | list[PositiveInt] | None = None
    "Tokens are sequences of up to so many words; of these numbers of words."
    output_mode: LookupMode = "int"
    output_sequence_length: PositiveInt | None = None
    "Rows of indices are cut or filled to so many."
    pad_to_max_tokens: bool = False
    "Vectors have `max_tokens` entries, however many tokens there are."
    vocabulary: list[str] | PathString | None = None
    "The tokens, or a file with one on each line. Default: those of the training split."
    idf_weights: list[float] | None = None
    "For tf_idf with a given vocabulary: the weight of each token."
    sparse: bool = False
    ragged: bool = False
    encoding: Literal["utf-8"] = "utf-8"

    num_oov_indices, mask_token, oov_token = 1, "", "[UNK]"
    invert, salt = False, None

    def check(self) -> None:
        super().check()
        if self.ragged:
            raise FieldError("ragged", "there are no ragged tensors here; rows are filled with 0", "leave out `ragged`")
        if self.output_mode != "int" and self.output_sequence_length is not None:
            raise FieldError("output_sequence_length", f"is for `output_mode: int`, not {self.output_mode}")

    def infer(self, prepared: Table | None, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        (given,) = inputs
        require_string(given)
        length = self.output_sequence_length
        if not self._cuts:
            if self.output_mode != "int":
                return super().infer(prepared, floatx, given)
            return TensorSpec(Shape((*given.shape[:-1], length or given.shape[-1])), int64)
        rows = self._rows_shape(given.shape)
        if self.output_mode == "int":
            return TensorSpec(Shape((*rows, length)), int64)
        tokens = (None,) if self.output_mode == "one_hot" else ()
        return TensorSpec(Shape((*rows, *tokens, self.vector_size(prepared))), as_dtype(floatx))

    @property
    def _cuts(self) -> bool:
        """Whether the number of tokens is not that of the texts."""
        return self.split is not None or self.ngrams is not None

    def _rows_shape(self, shape: Any) -> tuple[int | None, ...]:
        """The shape of the texts that are split, or of the rows of tokens. Raises ShapeError."""
        if self.split is None:
            return tuple(shape[:-1])
        if len(shape) > 2 or (len(shape) == 2 and shape[1] not in (1, None)):
            raise ShapeError(
                f"expected one text an example, (batch,) or (batch, 1), got {show_shape(shape)}; "
                "`split: null` takes rows of tokens"
            )
        return tuple(shape[:1])

    def compute(self, prepared: Table | None, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        table, texts = self.ready(prepared), inputs[0]
        if not self._cuts and self.output_mode != "int":
            require_texts(texts)
            tokens = as_texts(self._standardized(texts)).reshape(texts.shape)
            return self.vectors(table, self.indices(table, tokens), floatx)
        rows = self.rows(texts)
        shape = self._rows_shape(texts.shape) if self._cuts else texts.shape[:-1]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        indices = self.indices(table, as_texts(list(chain.from_iterable(rows))))
        if self.output_mode in ("int", "one_hot"):
            filled = self._filled(indices, lengths)
            filled = filled.reshape(*shape, filled.shape[1])
            return filled if self.output_mode == "int" else self.vectors(table, filled[..., None], floatx)
        return self._counted(table, indices, lengths).astype(floatx).reshape(*shape, -1)

    def _counted(self, table: Table, indices: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """A vector for each row of indices, the rows one after the other: (N, size)."""
        size = self.size_of(len(table.tokens))
        places = np.repeat(np.arange(len(lengths)) * size, lengths) + indices
        counts = count(places[indices >= 0], len(lengths) * size).reshape(len(lengths), size)
        return self.weighted(table, np.minimum(counts, 1) if self.output_mode == "multi_hot" else counts)

    def _filled(self, indices: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The rows of indices, one after the other, as (N, length), cut or filled with the padding's index."""
        size = self.output_sequence_length or int(lengths.max(initial=0))
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        column = np.arange(len(indices)) - starts
        inside = column < size
        padded = np.full((len(lengths), size), 0 if self.output_mode == "int" else -1, np.int64)
        padded[np.repeat(np.arange(len(lengths)), lengths)[inside], column[inside]] = indices[inside]
        return padded

    def documents(self, batch: np.ndarray) -> Rows:
        return self.rows(batch)

    def rows(self, texts: np.ndarray) -> Rows:
        """The tokens of each text; without `split`, of each row of tokens. Raises DtypeError for numbers."""
        require_texts(texts)
        flat = self._standardized(texts)
        if self.split is None:
            width = texts.shape[-1] if texts.ndim else 1
            rows = [flat[i : i + width] for i in range(0, len(flat), max(width, 1))]
        else:
            self._rows_shape(texts.shape)
            split = self._splitter()
            rows = [split(text) for text in flat]
        return rows if self.ngrams is None else [self._joined(row) for row in rows]

    def _standardized(self, texts: np.ndarray) -> list[bytes]:
        flat = as_bytes(texts)
        if isinstance(self.standardize, FunctionName) or callable(self.standardize):
            changed = load_function(self.standardize)(Tensor(as_texts(flat)))
            return as_bytes(as_array(changed, "string").reshape(-1))
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            flat = [text.lower() for text in flat]
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            flat = [text.translate(None, _PUNCTUATION) for text in flat]
        return flat

    def _splitter(self) -> Callable[[bytes], list[bytes]]:
        if self.split == "whitespace":
            return bytes.split
        if self.split == "character":
            return lambda text: [character.encode() for character in text.decode(errors="replace")]
        assert self.split is not None, "texts that are tokens are not split"
        function = load_function(self.split)
        return lambda text: self._split_by(function, text)

    def _split_by(self, function: Callable[..., Any], text: bytes) -> list[bytes]:
        tokens = as_array(function(Tensor(as_texts([text]).reshape(()))), "string")
        if tokens.ndim != 1 or tokens.dtype != object:
            raise DataError(f"`split` must make a row of texts of one text, got {tokens.dtype}{tokens.shape}")
        return as_bytes(tokens)

    def _joined(self, row: list[bytes]) -> list[bytes]:
        """All sequences of each width, narrow ones first."""
        assert self.ngrams is not None
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [b" ".join(row[i : i + width]) for width in widths for i in range(len(row) - width + 1)]
