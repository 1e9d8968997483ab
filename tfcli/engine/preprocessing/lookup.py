"""Values as indices into a vocabulary that is given, in a file, or learned."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tfcli.declare import FieldError, NonNegativeInt, PathString, PositiveInt
from tfcli.declare.functions import spec_folder
from tfcli.engine.fingerprints import hash_bins
from tfcli.engine.preprocessing.categories import Salt, salt_key
from tfcli.engine.preprocessing.encoding import (
    as_bytes,
    as_texts,
    encode,
    encoded_spec,
    refuse_sparse,
    require_string,
    require_texts,
    whole_numbers,
)
from tfcli.engine.preprocessing.learning import Learned, Learning, OnArrays, Summary
from tfcli.engine.spec import TensorSpec, int64, show_shape
from tfcli.errors import DataError, DtypeError

Token = str | int
LookupMode = Literal["int", "one_hot", "multi_hot", "count", "tf_idf"]
_NOT_LEARNED = "has no vocabulary yet: adapt it to the training data, or give `vocabulary`"


@dataclass(frozen=True)
class Table:
    """A vocabulary at work. `tokens` are those without mask and unknown values."""

    tokens: list[Any]
    index: dict[Any, int]
    """The place of each token among them; texts both as str and as UTF-8."""
    idf_weights: np.ndarray | None
    """The inverse document frequency of each index, those of unknown values first."""


class Lookup(OnArrays, Learning):
    """Base of what looks values up: the mask has index 0, then come unknown values, then the tokens."""

    if TYPE_CHECKING:  # each class below declares those that it has as fields, in Keras's order
        max_tokens: int | None
        num_oov_indices: int
        mask_token: Token | None
        oov_token: Token
        vocabulary: Any
        idf_weights: list[float] | None
        invert: bool
        output_mode: str
        sparse: bool
        pad_to_max_tokens: bool
        salt: Salt | None

    def check(self) -> None:
        refuse_sparse(self.sparse)
        salt_key(self.salt)
        if self.max_tokens is not None and self.max_tokens <= self.first_token:
            raise FieldError("max_tokens", f"must be more than {self.first_token}: masks and unknown values count too")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise FieldError("pad_to_max_tokens", "needs `max_tokens`: the size to pad to")
        if self.invert and self.output_mode != "int":
            raise FieldError("output_mode", "must be int where `invert` is true")
        if self.idf_weights is not None and self.output_mode != "tf_idf":
            raise FieldError("idf_weights", "are for `output_mode: tf_idf`")
        if isinstance(self.vocabulary, list):
            self.check_vocabulary(self.vocabulary, self.idf_weights)
        elif self.vocabulary is not None and self.output_mode == "tf_idf":
            raise FieldError("vocabulary", "tf_idf needs `idf_weights`, which a file of tokens does not hold")

    def check_vocabulary(self, vocabulary: list[Token], idf_weights: Sequence[float] | None) -> None:
        """Raises FieldError for a vocabulary that cannot be this one's."""
        tokens = self.own_tokens(vocabulary)
        twice = [token for token, times in Counter(tokens).items() if times > 1]
        if not vocabulary:
            raise FieldError("vocabulary", "is empty")
        if twice:
            raise FieldError("vocabulary", f"has {twice[0]!r} twice")
        if self.mask_token is not None and self.mask_token in tokens:
            raise FieldError("vocabulary", f"has the mask {self.mask_token!r} elsewhere than at its beginning")
        if self.max_tokens is not None and self.first_token + len(tokens) > self.max_tokens:
            raise FieldError(
                "vocabulary",
                f"has {len(tokens)} tokens, and max_tokens {self.max_tokens} has room for "
                f"{self.max_tokens - self.first_token}, masks and unknown values counted",
            )
        if self.output_mode == "tf_idf" and len(idf_weights or []) != len(vocabulary):
            raise FieldError("idf_weights", f"tf_idf needs one weight for each of the {len(vocabulary)} tokens")

    # the vocabulary

    @property
    def first_oov(self) -> int:
        """The index of the first unknown value: vectors have no place for masks."""
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def first_token(self) -> int:
        return self.first_oov + self.num_oov_indices

    @property
    def learns(self) -> bool:
        return self.vocabulary is None

    def summary(self) -> Summary:
        return TokenCounts(self)

    def specials(self) -> list[Any]:
        """What stands before the tokens, where a vocabulary says it."""
        return [self.mask_token] * self.first_oov + [self.oov_token] * self.num_oov_indices

    def own_tokens(self, vocabulary: list[Any]) -> list[Any]:
        """The vocabulary's own tokens: a list may begin with the mask and what stands for unknown values."""
        specials = self.specials()
        return vocabulary[len(specials) :] if specials and vocabulary[: len(specials)] == specials else vocabulary

    def prepare(self, learned: Learned | None) -> Table | None:
        if learned is None and isinstance(self.vocabulary, list):
            learned = {"vocabulary": self.vocabulary, "idf_weights": self.idf_weights}
        elif learned is None and self.vocabulary is not None:
            learned = {"vocabulary": self._read(self.vocabulary)}
        if learned is None:
            return None
        tokens = self.own_tokens(learned["vocabulary"])
        index = {token: i for i, token in enumerate(tokens)}
        index |= {token.encode(): i for i, token in enumerate(tokens) if isinstance(token, str)}
        return Table(tokens, index, self._weights(tokens, learned.get("idf_weights")))

    def _read(self, name: str) -> list[Any]:
        path = spec_folder() / os.path.expandvars(Path(name).expanduser())
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return lines if isinstance(self.oov_token, str) else [int(line) for line in lines]
        except OSError as error:
            raise DataError(f"cannot read the vocabulary {path}: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"the vocabulary {path} is damaged: {error}") from error

    def _weights(self, tokens: list[Any], weights: list[float] | None) -> np.ndarray | None:
        """One for each index: unknown values have the mean of the others, places without a token 0."""
        if weights is None:
            return None
        listed = np.asarray(weights, np.float64)
        unknown = np.full(self.first_token + len(tokens) - len(listed), listed.mean())
        size = self.size_of(len(tokens))
        return np.pad(np.concatenate([unknown, listed]), (0, size - self.first_token - len(tokens)))

    def size_of(self, tokens: int) -> int:
        """The size of a vector."""
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.first_token + tokens

    def terms(self, table: Table, include_special_tokens: bool = True) -> list[Any]:
        """The vocabulary as Keras lists it."""
        return [*self.specials(), *table.tokens] if include_special_tokens else list(table.tokens)

    # looking up

    def indices(self, table: Table, values: np.ndarray) -> np.ndarray:
        """The index of each value; in vectors masks are -1. Raises DataError where an unknown value has no index."""
        flat = values.ravel()
        get = table.index.get
        found = np.array([get(value, -1) for value in flat.tolist()], np.int64)
        indices, unknown = found + self.first_token, found < 0
        if self.mask_token is not None:
            masked = self._is_mask(flat)
            unknown &= ~masked
            indices[masked] = 0 if self.output_mode == "int" else -1
        if unknown.any():
            indices[unknown] = self._unknown(flat[unknown]) + self.first_oov
        return indices.reshape(values.shape)

    def _is_mask(self, values: np.ndarray) -> np.ndarray:
        if isinstance(self.mask_token, str):
            return (values == self.mask_token) | (values == self.mask_token.encode())
        return values == self.mask_token

    def _unknown(self, values: np.ndarray) -> np.ndarray:
        """Which of the indices for unknown values each of these (N,) has."""
        if not self.num_oov_indices:
            value = values[0].decode(errors="replace") if isinstance(values[0], bytes) else values[0]
            raise DataError(f"{value!r} is not in the vocabulary; num_oov_indices: 1 makes room for unknown values")
        if self.num_oov_indices == 1:
            return np.zeros(len(values), np.int64)
        return self._unknown_bins(values)

    def _unknown_bins(self, values: np.ndarray) -> np.ndarray:
        return hash_bins(as_bytes(values), self.num_oov_indices, salt_key(self.salt))

    def vectors(self, table: Table, indices: np.ndarray, floatx: str) -> np.ndarray:
        """Indices as vectors; tf_idf: counts times the weight of each index."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self.weighted(table, encode(indices, self.size_of(len(table.tokens)), mode, floatx))

    def weighted(self, table: Table, counts: np.ndarray) -> np.ndarray:
        """Counts (…, size), in tf_idf times the weight of each index."""
        if self.output_mode != "tf_idf":
            return counts
        assert table.idf_weights is not None, "tf_idf has weights"
        return counts * table.idf_weights.astype(counts.dtype if counts.dtype.kind == "f" else "float64")

    def vector_size(self, table: Table | None) -> int:
        """The size of a vector. Raises DataError where it depends on what is yet to be learned."""
        if table is None and not self.pad_to_max_tokens:
            raise DataError(_NOT_LEARNED)
        return self.size_of(0 if table is None else len(table.tokens))

    def ready(self, table: Table | None) -> Table:
        """The table. Raises DataError before anything was learned."""
        if table is None:
            raise DataError(_NOT_LEARNED)
        return table

    # as layers and stages ask for it

    def infer(self, prepared: Table | None, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        (given,) = inputs
        self._refuse_dtype(given)
        if self.invert:
            return TensorSpec(given.shape, "string" if isinstance(self.oov_token, str) else int64)  # type: ignore[arg-type]
        if self.output_mode == "int":
            return TensorSpec(given.shape, int64)
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_spec(given, self.vector_size(prepared), mode, floatx)

    def _refuse_dtype(self, given: TensorSpec) -> None:
        if isinstance(self.oov_token, str) and not self.invert:
            require_string(given)
        elif given.dtype == "string":
            raise DtypeError(f"expected whole numbers, got texts {show_shape(given.shape)}")

    def compute(self, prepared: Table | None, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        table = self.ready(prepared)
        if self.invert:
            return self._inverted(table, whole_numbers(inputs[0]))
        indices = self.indices(table, self.values(inputs[0]))
        return indices if self.output_mode == "int" else self.vectors(table, indices, floatx)

    def values(self, array: np.ndarray) -> np.ndarray:
        """The array as values of the vocabulary's kind. Raises DtypeError, DataError."""
        raise AssertionError(f"{type(self).__name__} must define values")

    def _inverted(self, table: Table, indices: np.ndarray) -> np.ndarray:
        terms = self.terms(table)
        inside = np.where((indices >= 0) & (indices < len(terms)), indices, -1)
        if isinstance(self.oov_token, str):
            return as_texts([term.encode() for term in [*terms, self.oov_token]])[inside]
        return np.array([*terms, self.oov_token], np.int64)[inside]

    def documents(self, batch: np.ndarray) -> list[list[Any]]:
        """The tokens of each example of a batch; a batch of single values is one document, as in Keras."""
        values = self.values(batch)
        return values.reshape(-1, values.shape[-1]).tolist() if values.ndim > 1 else [values.ravel().tolist()]


class StringLookup(Lookup):
    """Texts as indices into a vocabulary: the mask, then unknown texts, then the most frequent text first."""

    max_tokens: PositiveInt | None = None
    "The size of the vocabulary at most, masks and unknown values counted."
    num_oov_indices: NonNegativeInt = 1
    "How many indices unknown values share, by a hash; 0: an unknown value is an error."
    mask_token: str | None = None
    "The text that index 0 is kept for, and that vectors leave out."
    oov_token: str = "[UNK]"
    "What stands for an unknown index where `invert` is set."
    vocabulary: list[str] | PathString | None = None
    "The texts, or a file with one on each line. Default: those of the training split."
    idf_weights: list[float] | None = None
    "For tf_idf with a given vocabulary: the weight of each text."
    invert: bool = False
    "From indices back to texts."
    output_mode: LookupMode = "int"
    pad_to_max_tokens: bool = False
    "Vectors have `max_tokens` entries, however many texts there are."
    sparse: bool = False
    encoding: Literal["utf-8"] = "utf-8"
    salt: Salt | None = None
    "One number or two that choose another hash for unknown values."

    def values(self, array: np.ndarray) -> np.ndarray:
        require_texts(array)
        return array


class IntegerLookup(Lookup):
    """Whole numbers as indices into a vocabulary: the mask, then unknown ones, then the most frequent first."""

    max_tokens: PositiveInt | None = None
    "The size of the vocabulary at most, masks and unknown values counted."
    num_oov_indices: NonNegativeInt = 1
    "How many indices unknown values share; 0: an unknown value is an error."
    mask_token: int | None = None
    "The number that index 0 is kept for, and that vectors leave out."
    oov_token: int = -1
    "What stands for an unknown index where `invert` is set."
    vocabulary: list[int] | PathString | None = None
    "The numbers, or a file with one on each line. Default: those of the training split."
    vocabulary_dtype: Literal["int64"] = "int64"
    idf_weights: list[float] | None = None
    "For tf_idf with a given vocabulary: the weight of each number."
    invert: bool = False
    "From indices back to numbers."
    output_mode: LookupMode = "int"
    sparse: bool = False
    pad_to_max_tokens: bool = False
    "Vectors have `max_tokens` entries, however many numbers there are."
    oov_method: Literal["floormod", "farmhash"] = "floormod"
    "How unknown numbers share indices: by their remainder, or by a hash."
    salt: Salt | None = None
    "One number or two that choose another hash for unknown values."

    def check(self) -> None:
        super().check()
        if self.salt is not None and self.oov_method != "farmhash":
            raise FieldError("salt", "is for `oov_method: farmhash`")

    def values(self, array: np.ndarray) -> np.ndarray:
        return whole_numbers(array)

    def _unknown_bins(self, values: np.ndarray) -> np.ndarray:
        return values % self.num_oov_indices if self.oov_method == "floormod" else super()._unknown_bins(values)


class TokenCounts(Summary):
    """How often each token occurs, and for tf_idf in how many documents."""

    def __init__(self, declared: Lookup) -> None:
        self.declared = declared
        self.counts: Counter[Any] = Counter()
        self.document_counts: Counter[Any] = Counter()
        self.num_documents = 0

    def update(self, batch: np.ndarray) -> None:
        for tokens in self.declared.documents(batch):
            self.counts.update(tokens)
            if self.declared.output_mode == "tf_idf":
                self.document_counts.update(set(tokens))
                self.num_documents += 1

    def result(self) -> Learned:
        declared = self.declared
        counts, document_counts = _as_texts(self.counts), _as_texts(self.document_counts)
        for special in (declared.mask_token, declared.oov_token):
            counts.pop(special, None)
        limit = None if declared.max_tokens is None else declared.max_tokens - declared.first_token
        tokens = most_frequent(counts, limit)
        if not tokens:
            raise DataError("there is no value to learn a vocabulary from")
        learned: Learned = {"vocabulary": tokens}
        if declared.output_mode == "tf_idf":
            occurring = np.array([document_counts[token] for token in tokens])
            learned["idf_weights"] = np.log1p(self.num_documents / (1 + occurring)).tolist()
        return learned


def most_frequent(counts: Counter[Any], limit: int | None = None) -> list[Any]:
    """The values, most frequent first and ties from the last in order to the first; `limit` of them at most."""
    return [token for token, _ in sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)[:limit]]


def _as_texts(counts: Counter[Any]) -> Counter[Any]:
    """UTF-8 as texts."""
    texts: Counter[Any] = Counter()
    for token, times in counts.items():
        texts[token.decode(errors="replace") if isinstance(token, bytes) else token] += times
    return texts
