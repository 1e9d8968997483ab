"""Feature columns, in the words of Keras's FeatureSpace: how a table's column becomes numbers."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from tfcli.data.learning import Categories, ColumnSummary, Known, Numbers, filled
from tfcli.data.table import Table
from tfcli.data.uneven import in_floats, is_uneven
from tfcli.declare import Declared, FieldError, NonNegativeInt, PositiveInt, Range
from tfcli.engine.fingerprints import hash_bins
from tfcli.engine.preprocessing.encoding import as_bytes, encode
from tfcli.engine.preprocessing.learning import Summary, configured
from tfcli.engine.preprocessing.lookup import IntegerLookup, Lookup, StringLookup
from tfcli.engine.preprocessing.numeric import Discretization, Normalization
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError

OutputMode = Literal["one_hot", "int"]
_SCALED = configured(Normalization)


class Feature(Declared, kind="feature"):
    """One column's way into the model."""

    @property
    def learns(self) -> bool:
        """Whether what `encode` needs to know depends on the training split."""
        return False

    def summary(self, name: str) -> ColumnSummary:
        """Where a pass over the training split's column `name` begins."""
        return ColumnSummary()

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        """(N, K). Raises DataError naming row and column."""
        raise AssertionError(f"{type(self).__name__} must define encode")


class NumberFeature(Feature, abstract=True):
    """A column of numbers."""

    missing: Literal["mean", "median"] | float | None = None
    """What stands for a missing number: the training split's mean or median, or a number. Default: a missing number
    is an error."""
    indicator: bool = False
    """Adds an entry that is 1 where the number was missing, else 0."""

    def check(self) -> None:
        if self.indicator and self.missing is None:
            raise FieldError("indicator", "needs `missing`: what stands for a missing number", "add `missing: mean`")

    @property
    def learns(self) -> bool:
        numbers = self.number_summary()
        return isinstance(self.missing, str) or not (numbers is None or isinstance(numbers, Known))

    def summary(self, name: str) -> ColumnSummary:
        refuse = lambda table, gaps: self._refuse_gap(table, name, gaps)  # noqa: E731
        return Numbers(name, self.missing, self.number_summary(), refuse)

    def number_summary(self) -> Summary | None:
        """What is to be learned of the numbers (N, K), none of which is missing."""
        return None

    def _filled(self, table: Table, name: str, fill: float | None) -> np.ndarray:
        numbers = table.numbers(name)
        gaps = np.isnan(numbers)
        if not gaps.any():
            return numbers
        if fill is None:
            self._refuse_gap(table, name, gaps)
        return filled(numbers, fill)

    def _refuse_gap(self, table: Table, name: str, gaps: np.ndarray) -> None:
        where = table.where(int(np.argwhere(gaps)[0][0]), name)
        hint = f"say what stands for it: `{name}: {{type: {self.type_name}, missing: mean, indicator: true}}`"
        raise DataError(f"{where}: a number is missing; {hint}")

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        numbers = self.transform(self._filled(table, name, learned["fill"]), learned)
        columns = numbers.reshape(len(numbers), -1).astype(floatx)
        return np.concatenate([columns, self._indicator(table, name, floatx)], axis=1) if self.indicator else columns

    def _indicator(self, table: Table, name: str, floatx: str) -> np.ndarray:
        return np.isnan(table.numbers(name)).reshape(len(table), -1).any(axis=1, keepdims=True).astype(floatx)

    def transform(self, numbers: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
        return numbers


class Float(NumberFeature):
    """A number as it is."""


class FloatRescaled(NumberFeature):
    """A number times `scale` plus `offset`."""

    scale: float = 1.0
    offset: float = 0.0

    def transform(self, numbers: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
        return numbers * self.scale + self.offset


class FloatNormalized(NumberFeature):
    """A number less the training split's mean, divided by its standard deviation."""

    def number_summary(self) -> Summary:
        return _SCALED.summary()

    def transform(self, numbers: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
        rows = Tensor(numbers.reshape(len(numbers), -1))
        return _SCALED.scaled(rows, learned["mean"], learned["variance"]).array


class FloatDiscretized(NumberFeature):
    """A number as the bin that it falls in: `num_bins` bins of equally many training examples, or those between
    `bin_boundaries`.

    Boundaries are quantiles of the training split, estimated as Keras does.
    """

    num_bins: Annotated[int, Range(low=2)] | None = None
    bin_boundaries: list[float] | None = None
    output_mode: OutputMode = "one_hot"

    def check(self) -> None:
        super().check()
        if (self.num_bins is None) == (self.bin_boundaries is None):
            raise FieldError("num_bins", "exactly one of `num_bins` and `bin_boundaries` is needed")
        if self.bin_boundaries is not None and self.bin_boundaries != sorted(set(self.bin_boundaries)):
            raise FieldError("bin_boundaries", "must be in rising order")

    def number_summary(self) -> Summary:
        if self.num_bins is None:
            return Known({"bin_boundaries": self.bin_boundaries})
        return configured(Discretization, num_bins=self.num_bins).summary()

    def indices(self, table: Table, name: str, learned: dict[str, Any]) -> np.ndarray:
        declared, numbers = configured(Discretization), self._filled(table, name, learned["fill"])
        return declared.compute(declared.prepare(learned), "float32", numbers)

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        size = len(learned["bin_boundaries"]) + 1
        encoded = as_output(self.indices(table, name, learned), size, self.output_mode, floatx)
        if not self.indicator:
            return encoded
        return np.concatenate([encoded, self._indicator(table, name, encoded.dtype.name)], axis=1)


class CategoricalFeature(Feature, abstract=True):
    """A column of categories, numbered as Keras does: what the training split does not have first, then the most
    frequent first.

    A missing value counts as one that the training split does not have.
    """

    max_tokens: PositiveInt | None = None
    """The number of categories at most, those for unknown values counted."""
    num_oov_indices: NonNegativeInt = 1
    """How many indices unknown values share. 0: an unknown value is an error."""
    output_mode: OutputMode = "one_hot"

    def check(self) -> None:
        if self.max_tokens is not None and self.max_tokens <= self.num_oov_indices:
            raise FieldError("max_tokens", f"must be more than num_oov_indices ({self.num_oov_indices})")

    lookup: ClassVar[type[Lookup]]
    """How values are looked up."""

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The column's values, and which are missing."""
        raise AssertionError(f"{type(self).__name__} must define values")

    @property
    def learns(self) -> bool:
        return True

    def summary(self, name: str) -> ColumnSummary:
        limit = None if self.max_tokens is None else self.max_tokens - self.num_oov_indices
        return Categories(name, self.values, limit)

    def indices(self, table: Table, name: str, learned: dict[str, Any]) -> np.ndarray:
        values, missing = self.values(table, name)
        declared = configured(self.lookup, num_oov_indices=self.num_oov_indices)
        vocabulary = declared.prepare({"vocabulary": learned["vocabulary"]})
        assert vocabulary is not None, "there is one for every learned vocabulary"
        if self.num_oov_indices:
            return np.where(missing, 0, declared.indices(vocabulary, values))
        unknown = missing | np.array([value not in vocabulary.index for value in values.tolist()], bool)
        if unknown.any():
            at = int(unknown.argmax())
            what = "a category is missing" if missing[at] else f"{values[at]!r} does not occur in the training split"
            raise DataError(f"{table.where(at, name)}: {what}, and num_oov_indices is 0")
        return declared.indices(vocabulary, values)

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        size = len(learned["vocabulary"]) + self.num_oov_indices
        return as_output(self.indices(table, name, learned), size, self.output_mode, floatx)


class StringCategorical(CategoricalFeature):
    """A text as one of the training split's texts."""

    lookup = StringLookup

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        return string_values(table, name)


class IntegerCategorical(CategoricalFeature):
    """A whole number as one of the training split's whole numbers."""

    lookup = IntegerLookup

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        return integer_values(table, name)


class HashedFeature(Feature, abstract=True):
    """A column of categories, each put into one of `num_bins` by a hash of its text, FarmHash as in Keras."""

    num_bins: PositiveInt
    output_mode: OutputMode = "one_hot"

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError(f"{type(self).__name__} must define values")

    def indices(self, table: Table, name: str, learned: dict[str, Any]) -> np.ndarray:
        values, missing = self.values(table, name)
        return hash_bins(as_bytes(np.where(missing, "", values.astype(str)).astype(object)), self.num_bins)

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        return as_output(self.indices(table, name, learned), self.num_bins, self.output_mode, floatx)


class StringHashed(HashedFeature):
    """A text by its hash."""

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        return string_values(table, name)


class IntegerHashed(HashedFeature):
    """A whole number by its hash."""

    def values(self, table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
        return integer_values(table, name)


class Text(Feature):
    """A text as it is: a model input of its own, for a `text_vectorization` stage or layer."""

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        _refuse_lists(table, name)
        return table.texts(name)


class Sequence(Feature):
    """A list of numbers as it is: a model input of its own. What has different lengths is filled up by a
    `padded_batch` or `bucket_by_sequence_length` stage."""

    def encode(self, table: Table, name: str, learned: dict[str, Any], floatx: str) -> np.ndarray:
        column = table.columns[name]
        if column.ndim == 1 and not is_uneven(column):
            raise DataError(f"{table.where(0, name)}: expected a list of numbers, got {column[0]!r}")
        return in_floats(column, floatx)


IndexFeature = CategoricalFeature | HashedFeature | FloatDiscretized


def string_values(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The column as texts, and where they are missing."""
    _refuse_lists(table, name)
    texts = table.texts(name)
    return texts, (texts == "").astype(bool)


def integer_values(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The column as int64 (0 where missing), and where they are missing. Raises DataError for a fraction or a text."""
    _refuse_lists(table, name)
    if table.columns[name].dtype.kind in "iu":
        return table.columns[name].astype(np.int64), np.zeros(len(table), bool)
    numbers = table.numbers(name)
    missing = np.isnan(numbers)
    whole = np.where(missing, 0, numbers)
    wrong = whole != np.floor(whole)
    if wrong.any():
        at = int(wrong.argmax())
        raise DataError(f"{table.where(at, name)}: expected a whole number, got {numbers[at]}")
    return whole.astype(np.int64), missing


def _refuse_lists(table: Table, name: str) -> None:
    if table.columns[name].ndim > 1 or is_uneven(table.columns[name]):
        raise DataError(f"{table.rows.files[0]}: column {name!r} has lists; a category is a single value")


def as_output(indices: np.ndarray, size: int, output_mode: OutputMode, floatx: str) -> np.ndarray:
    """indices (N,) -> (N, size) one-hot, or (N, 1) int64."""
    return encode(indices, size, "one_hot", floatx) if output_mode == "one_hot" else indices.astype(np.int64)[:, None]
