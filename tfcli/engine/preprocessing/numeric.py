"""Numbers brought to a common scale, or put into bins."""

import math
from typing import Any, Literal

import numpy as np

from tfcli.declare import FieldError, PositiveFloat, PositiveInt
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import cast, maximum
from tfcli.engine.ops.shape import reshape
from tfcli.engine.preprocessing.encoding import Encoding, encode, encoded_spec, refuse_sparse
from tfcli.engine.preprocessing.learning import Learned, Learning, OnArrays, Summary
from tfcli.engine.spec import Shape, TensorSpec, normalize_axes, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError, DtypeError, ShapeError

EPSILON = 1e-7
Values = float | list[float] | list[list[float]]


class Normalization(Learning):
    """(inputs - mean) / sqrt(variance), for each position along `axis`; learned where they are not given."""

    axis: int | list[int] | None = -1
    "The axes that have a mean and variance for each position, the batch counted. null: one mean and variance."
    mean: Values | None = None
    variance: Values | None = None
    invert: bool = False
    "From normalized inputs back to original ones: inputs * sqrt(variance) + mean."

    supports_masking = True

    def check(self) -> None:
        if (self.mean is None) != (self.variance is None):
            missing = "mean" if self.mean is None else "variance"
            raise FieldError(missing, "`mean` and `variance` are given both or not at all")
        if np.shape(self.mean or 0) != np.shape(self.variance or 0):
            raise FieldError("variance", "must have as many numbers as `mean`")
        if np.ndim(self.mean or 0) > len(self._axes()):
            raise FieldError("mean", f"has more axes than the {len(self._axes())} of `axis`")

    @property
    def learns(self) -> bool:
        return self.mean is None

    def summary(self) -> Summary:
        return Moments(self)

    def _axes(self) -> list[int]:
        return [] if self.axis is None else [self.axis] if isinstance(self.axis, int) else self.axis

    def kept(self, shape: Shape | tuple[int, ...]) -> tuple[int, ...]:
        """The axes that have a mean for each position, from the front. Raises ShapeError where they do not exist."""
        for axis in self._axes():
            if not -len(shape) <= axis < len(shape):
                raise ShapeError(f"an input of shape {show_shape(shape[1:])} has no axis {axis} to normalize along")
        return normalize_axes(self._axes(), len(shape), "normalization")

    def scaled(self, inputs: Tensor, mean: Any, variance: Any) -> Tensor:
        """`inputs` with a mean and variance for each position of the kept axes, or for the last of these."""
        center, spread = (self._placed(values, inputs) for values in (mean, variance))
        deviation = maximum(sqrt(spread), np.asarray(EPSILON, inputs.dtype.numpy))
        return inputs * deviation + center if self.invert else (inputs - center) / deviation

    def _placed(self, values: Any, inputs: Tensor) -> Tensor:
        """The values along the kept axes, in as many axes as the inputs have."""
        kept, sizes = self.kept(inputs.shape), [1] * inputs.ndim
        shape = tuple(values.shape) if isinstance(values, Tensor) else np.shape(values)
        for axis, size in zip(reversed(kept), reversed(shape), strict=False):
            if size != 1 and inputs.shape[axis] not in (None, size):
                raise ShapeError(
                    f"a mean of shape {shape} does not fit an input of shape {show_shape(inputs.shape[1:])}"
                )
            sizes[axis] = size
        given = values if isinstance(values, Tensor) else Tensor(np.asarray(values, inputs.dtype.numpy))
        return reshape(cast(given, inputs.dtype), sizes)


class Moments(Summary):
    """The mean and variance along the axes that a normalization keeps, in float64."""

    def __init__(self, declared: Normalization) -> None:
        self.declared, self.count = declared, 0
        self.mean = self.squares = np.zeros(())

    def update(self, batch: np.ndarray) -> None:
        # Chan's merging of means and squared deviations: exact where a sum of squares would cancel.
        kept = self.declared.kept(batch.shape)
        reduced = tuple(axis for axis in range(batch.ndim) if axis not in kept)
        size = math.prod(batch.shape[axis] for axis in reduced)
        if not size:
            return
        mean, total = batch.mean(axis=reduced, dtype=np.float64), self.count + size
        if self.count and mean.shape != self.mean.shape:
            raise ShapeError(f"batches of shapes that differ along `axis`: {self.mean.shape} and {mean.shape}")
        delta = mean - self.mean
        within = batch.var(axis=reduced, dtype=np.float64) * size
        self.squares = self.squares + within + delta**2 * (self.count * size / total)
        self.mean, self.count = self.mean + delta * (size / total), total

    def result(self) -> Learned:
        if not self.count:
            raise DataError("there is no example to learn a mean and variance from")
        return {"mean": np.asarray(self.mean), "variance": np.asarray(self.squares / self.count)}


class Discretization(OnArrays, Learning):
    """Numbers as the bin that they fall in: those between `bin_boundaries`, or `num_bins` of equally many examples.

    Learned boundaries are estimated quantiles, as in Keras: of a summary that is exact to `epsilon`.
    """

    bin_boundaries: list[float] | None = None
    num_bins: PositiveInt | None = None
    epsilon: PositiveFloat = 0.01
    "How far a learned boundary may be off, as a part of all examples."
    output_mode: Literal["int"] | Encoding = "int"
    sparse: bool = False

    def check(self) -> None:
        refuse_sparse(self.sparse)
        if (self.num_bins is None) == (self.bin_boundaries is None):
            raise FieldError("num_bins", "exactly one of `num_bins` and `bin_boundaries` is needed")
        if self.bin_boundaries is not None and self.bin_boundaries != sorted(self.bin_boundaries):
            raise FieldError("bin_boundaries", "must be in rising order")

    @property
    def learns(self) -> bool:
        return self.bin_boundaries is None

    def summary(self) -> Summary:
        assert self.num_bins is not None, "boundaries are given"
        return Quantiles(self.num_bins, self.epsilon)

    def prepare(self, learned: Learned | None) -> np.ndarray | None:
        found = self.bin_boundaries if learned is None else learned["bin_boundaries"]
        return None if found is None else np.asarray(found, np.float32)

    def infer(self, prepared: np.ndarray | None, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        (given,) = inputs
        if not (given.dtype.is_numeric or given.dtype.is_bool):
            raise DtypeError(f"expected numbers, got {given.dtype.name}{show_shape(given.shape)}")
        if self.output_mode == "int":
            return TensorSpec(given.shape, "int32")  # type: ignore[arg-type]
        size = self.num_bins if prepared is None else len(prepared) + 1
        return encoded_spec(given, size, self.output_mode, floatx)

    def compute(self, prepared: np.ndarray | None, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        (numbers,) = inputs
        if prepared is None:
            raise DataError("has no bin boundaries yet: adapt it to the training data, or give `bin_boundaries`")
        indices = np.searchsorted(prepared, numbers, side="right")
        if self.output_mode == "int":
            return indices.astype(np.int32)
        return encode(indices, len(prepared) + 1, self.output_mode, floatx)


class Quantiles(Summary):
    """Estimated quantiles of all numbers, as Keras estimates them: values and how many numbers each stands for."""

    def __init__(self, num_bins: int, epsilon: float) -> None:
        self.num_bins, self.epsilon = num_bins, epsilon
        self.values = np.zeros((2, 0), np.float32)

    def update(self, batch: np.ndarray) -> None:
        merged = np.concatenate([self._thinned(batch), self.values], axis=1)
        self.values = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def _thinned(self, batch: np.ndarray) -> np.ndarray:
        """Values `epsilon` of all apart."""
        ordered = np.sort(batch.astype(np.float32).ravel())
        step = max(ordered.size * self.epsilon, 1)
        values = ordered[int(step - 1) :: int(step)]
        return np.stack([values, np.full_like(values, step)])

    def result(self) -> Learned:
        if not self.values.size:
            raise DataError("there is no number to learn bin boundaries from")
        return {"bin_boundaries": _compressed(self.values, 1.0 / self.num_bins)[0, :-1].tolist()}


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """The summary (2, N) interpolated to values that each stand for `epsilon` of all."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    totals = summary[1].cumsum()
    fractions = totals / totals[-1]
    values = np.interp(parts, fractions, summary[0])
    weights = np.diff(np.interp(parts, fractions, totals), prepend=0.0)
    return np.stack([values, weights]).astype(np.float32)
