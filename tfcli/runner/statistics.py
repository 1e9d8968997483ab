"""Numbers with their uncertainty, and the curves of yes-or-no questions."""

from dataclasses import dataclass

import numpy as np

_Z = 1.959963984540054
"""Of a normal distribution 95 % lie within so many standard deviations."""
_RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """A value with the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def share(successes: int, count: int) -> Interval | None:
    """A proportion with Wilson's score interval; None of nothing. (Wilson: Probable Inference, 1927)"""
    if count == 0:
        return None
    rate, z2 = successes / count, _Z**2
    centre = (rate + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count) * float(np.sqrt(rate * (1 - rate) / count + z2 / (4 * count**2)))
    return Interval(rate, max(centre - half, 0.0), min(centre + half, 1.0))


def mean(values: np.ndarray, seed: int) -> Interval | None:
    """A mean with the interval between the 2.5 and 97.5 percentiles of 1000 bootstrap samples; None of nothing."""
    if len(values) == 0:
        return None
    rng = np.random.Generator(np.random.Philox(key=seed))
    means = np.array([values[rng.integers(len(values), size=len(values))].mean() for _ in range(_RESAMPLES)])
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


@dataclass(frozen=True)
class Curves:
    """Of a yes-or-no question, at each distinct probability from the highest down: how many `true_positives` and
    `false_positives` there are where what is at least the threshold counts as yes."""

    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    positives: int
    negatives: int

    @classmethod
    def of(cls, is_positive: np.ndarray, probability: np.ndarray) -> "Curves":
        order = np.argsort(-probability, kind="stable")
        ranked, positive = probability[order], is_positive[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        positives = int(is_positive.sum())
        return cls(
            ranked[ends], np.cumsum(positive)[ends], np.cumsum(~positive)[ends], positives, len(ranked) - positives
        )

    @property
    def precision(self) -> np.ndarray:
        return self.true_positives / (self.true_positives + self.false_positives)

    @property
    def recall(self) -> np.ndarray:
        return self.true_positives / max(self.positives, 1)

    @property
    def false_positive_rate(self) -> np.ndarray:
        return self.false_positives / max(self.negatives, 1)

    @property
    def area(self) -> float:
        """Under the ROC curve: how often a positive example has the higher probability; NaN without both kinds."""
        if not self.positives or not self.negatives:
            return float("nan")
        return float(np.trapezoid(np.append(0.0, self.recall), np.append(0.0, self.false_positive_rate)))

    @property
    def average_precision(self) -> float:
        """The precision, averaged over the recall; NaN without positive examples."""
        if not self.positives:
            return float("nan")
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())


@dataclass(frozen=True)
class Calibration:
    """Ten bins of probability: (10,) counts, mean probabilities and shares that were right, NaN where a bin is
    empty."""

    counts: np.ndarray
    probability: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, is_right: np.ndarray, probability: np.ndarray, bins: int = 10) -> "Calibration":
        places = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
        counts = np.bincount(places, minlength=bins)
        with np.errstate(invalid="ignore"):
            sums = [np.bincount(places, weights=values, minlength=bins) / counts for values in (probability, is_right)]
        return cls(counts, *sums)

    @property
    def error(self) -> float:
        """The expected calibration error: how far probability and truth are apart, on average over the examples."""
        gaps = np.abs(self.probability - self.right)
        return float(np.nansum(gaps * self.counts) / max(self.counts.sum(), 1))
