"""What one pass over a column remembers: exact for columns of moderate size, estimates of bounded memory for others."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from tfcli.data.random import generator
from tfcli.engine.fingerprints import fingerprint64

MOST_HASHES = 2**14
"""Different values that are counted exactly; more are estimated, with a standard error of 0.8 %."""
MOST_NUMBERS = 2**16
"""Numbers that histograms and quantiles are made of: all of them, or a uniform sample of so many."""
MOST_TEXTS = 2**16
"""Different texts that are counted; of more, the rarest are forgotten."""


@dataclass
class Distinct:
    """How many different values there are, by the smallest of their hashes.

    Source: Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", algorithm 2.
    """

    smallest: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))

    def add(self, hashes: np.ndarray) -> None:
        """Hashes are uniform over uint64."""
        self.smallest = np.unique(np.concatenate([self.smallest, hashes]))[:MOST_HASHES]

    @property
    def is_exact(self) -> bool:
        return len(self.smallest) < MOST_HASHES

    @property
    def count(self) -> int:
        if self.is_exact:
            return len(self.smallest)
        return round((MOST_HASHES - 1) / (float(self.smallest[-1]) / 2.0**64))


@dataclass
class Moments:
    """Count, mean, spread and extremes. Source: Chan et al., "Updating Formulae ... for Computing Sample Variances"."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    zeros: int = 0
    infinite: int = 0

    def add(self, numbers: np.ndarray) -> None:
        """numbers (N,) float64 without NaN."""
        finite = numbers[np.isfinite(numbers)]
        self.infinite += len(numbers) - len(finite)
        if not finite.size:
            return
        count, mean = len(finite), float(finite.mean())
        total, delta = self.count + count, mean - self.mean
        self.squares += float(((finite - mean) ** 2).sum()) + delta**2 * self.count * count / total
        self.mean += delta * count / total
        self.count = total
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        self.zeros += int((finite == 0).sum())

    @property
    def deviation(self) -> float:
        return float(np.sqrt(self.squares / self.count)) if self.count else 0.0


class Sample:
    """A uniform sample of finite numbers: those with the smallest random ranks, the same for blocks of any size."""

    def __init__(self, name: str) -> None:
        self._random = generator(0, "sample", name)
        self._ranks = np.empty(0)
        self.numbers = np.empty(0)
        self.is_whole = True

    def add(self, numbers: np.ndarray) -> None:
        """numbers (N,) float64 without NaN."""
        finite = numbers[np.isfinite(numbers)]
        self._ranks = np.concatenate([self._ranks, self._random.random(len(finite))])
        self.numbers = np.concatenate([self.numbers, finite])
        if len(self.numbers) > MOST_NUMBERS:
            self.is_whole = False
            kept = np.argpartition(self._ranks, MOST_NUMBERS)[:MOST_NUMBERS]
            self._ranks, self.numbers = self._ranks[kept], self.numbers[kept]


@dataclass
class Texts:
    """How often each text occurs, and how long texts are."""

    counts: Counter[str] = field(default_factory=Counter)
    count: int = 0
    characters: int = 0
    longest: int = 0
    is_exact: bool = True

    def add(self, counts: Counter[str]) -> None:
        self.counts.update(counts)
        self.count += counts.total()
        self.characters += sum(len(text) * times for text, times in counts.items())
        self.longest = max([self.longest, *map(len, counts)])
        if len(self.counts) > MOST_TEXTS:
            self.is_exact = False
            self.counts = Counter(dict(self.counts.most_common(MOST_TEXTS // 2)))


def hash_numbers(numbers: np.ndarray) -> np.ndarray:
    """(N,) float64 -> (N,) uint64, uniform. Source: Steele et al., "Fast Splittable Pseudorandom Number Generators"."""
    bits = (numbers + 0.0).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)  # + 0.0 makes -0.0 the same as 0.0
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hash_texts(texts: list[str]) -> np.ndarray:
    """(N,) uint64, uniform."""
    return fingerprint64([text.encode("utf-8", "surrogatepass") for text in texts])
