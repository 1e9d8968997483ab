"""Runs of one setting with several seeds as one row: means with their intervals of confidence."""

import math
import statistics
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """The mean of `count` values; the true mean is within `half_width` of it with 95 % confidence.

    With one value there is no interval: `half_width` is None.
    """

    mean: float
    half_width: float | None
    count: int


def estimate(values: Sequence[float]) -> Estimate:
    """The mean with Student's interval. Source: Student, "The Probable Error of a Mean", 1908."""
    mean, count = statistics.fmean(values), len(values)
    if count < 2:
        return Estimate(mean, None, count)
    spread = statistics.stdev(values) / math.sqrt(count) if all(map(math.isfinite, values)) else math.nan
    return Estimate(mean, student_quantile(count - 1) * spread, count)


@lru_cache
def student_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """How far from 0, to both sides, Student's t with `freedom` degrees of freedom stays with that probability."""
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """The probability of |T| < t. Source: Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine if freedom % 2 else 1.0), 0.0
    for k in range(2 + freedom % 2, freedom + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    if freedom % 2:
        return 2 / math.pi * (angle + sine * total)
    return sine * total


def group(rows: Iterable[tuple[Hashable, Any]]) -> list[tuple[Hashable, list[Any]]]:
    """Items by their key, in the order in which the keys occur first."""
    found: dict[Hashable, list[Any]] = {}
    for key, item in rows:
        found.setdefault(key, []).append(item)
    return list(found.items())


def joined(values: Sequence[Any], averaged: bool) -> Any:
    """One cell for the values of a group: an Estimate of numbers that vary by chance, else what all of them are."""
    if averaged:
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return estimate(numbers) if numbers else None
    return values[0] if all(value == values[0] for value in values) else "varies"
