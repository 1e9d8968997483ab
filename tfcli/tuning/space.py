"""The search space: the settings that there are, and how one is drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfcli.declare import Problem, convert
from tfcli.logging.durable import to_json
from tfcli.spec.load import LoadedSpec
from tfcli.spec.overrides import set_path
from tfcli.spec.search import SearchRange

Parameters = dict[str, Any]
"""A value for each searched key, by its dotted path."""

_DIGITS = 6
"""Drawn numbers have so many significant digits: they can be read and typed, and no machine's rounding shows."""


@dataclass(frozen=True)
class Key:
    """A searched key: its `choices`, where they can be counted, else the numbers from `low` to `high`.

    `when`: the values of keys above it with which it is searched.
    """

    path: str
    choices: Sequence[Any] | None
    low: float | None = None
    high: float | None = None
    log: bool = False
    when: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def is_active(self, chosen: Parameters) -> bool:
        """Whether it is searched, given the values of the keys above it."""
        return all(path in chosen and chosen[path] in values for path, values in self.when.items())

    def draw(self, rng: np.random.Generator) -> Any:
        """A value at random; with `log` its logarithm is spread evenly."""
        if self.choices is not None and not self.log:
            return self.choices[int(rng.integers(len(self.choices)))]
        assert self.low is not None
        assert self.high is not None
        # Whole numbers: half a step beyond the ends, so that these come as often as their neighbours.
        margin = 0.0 if self.choices is None else 0.5
        value = _uniform(rng, self.low - margin, self.high + margin, self.log)
        value = min(max(value, self.low), self.high)
        return rounded(value) if self.choices is None else round(value)


def rounded(value: float) -> float:
    """With as many digits as a drawn number has."""
    return float(f"{value:.{_DIGITS}g}")


def _uniform(rng: np.random.Generator, low: float, high: float, log: bool) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high))) if log else float(rng.uniform(low, high))


class Space:
    """All settings that a search may try. `size` is their number, None where they cannot be counted."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = list(keys)
        self._parents = {path for key in keys for path in key.when}
        self.size = self._count(0, {}) if all(key.choices is not None for key in keys) else None

    def _count(self, start: int, chosen: Parameters) -> int:
        """The number of settings of the keys from `start` on, given the values of those before."""
        if start == len(self.keys):
            return 1
        key = self.keys[start]
        assert key.choices is not None
        if not key.is_active(chosen):
            return self._count(start + 1, chosen)
        if key.path not in self._parents:
            return len(key.choices) * self._count(start + 1, chosen)
        return sum(self._count(start + 1, chosen | {key.path: value}) for value in key.choices)

    def combination(self, index: int) -> Parameters:
        """The setting at `index` in the order of the product of the keys' choices, the last key changing fastest."""
        assert self.size is not None, "these settings cannot be counted"
        assert 0 <= index < self.size
        chosen: Parameters = {}
        for position, key in enumerate(self.keys):
            if not key.is_active(chosen):
                continue
            assert key.choices is not None
            if key.path in self._parents:
                chosen[key.path], index = self._branch(position, chosen, index)
            else:
                place, index = divmod(index, self._count(position + 1, chosen))
                chosen[key.path] = key.choices[place]
        return chosen

    def _branch(self, position: int, chosen: Parameters, index: int) -> tuple[Any, int]:
        """The value of a key that others depend on, and what is left of the index below it."""
        key = self.keys[position]
        for value in key.choices or ():
            below = self._count(position + 1, chosen | {key.path: value})
            if index < below:
                return value, index
            index -= below
        raise AssertionError("the index is below the number of settings")

    def draw(self, rng: np.random.Generator) -> Parameters:
        chosen: Parameters = {}
        for key in self.keys:
            if key.is_active(chosen):
                chosen[key.path] = key.draw(rng)
        return chosen


def identity(parameters: Parameters) -> str:
    """Equal for equal settings alone; `1` and `1.0` differ, as they do in a spec."""
    return to_json(parameters)


def make_space(loaded: LoadedSpec) -> Space:
    """The space of the spec's `tune` section."""
    tune = loaded.experiment.tune
    is_grid = tune.sampler == "grid"
    return Space([_key(path, values, is_grid, loaded) for path, values in tune.space.items()])


def _key(path: str, declared: SearchRange, is_grid: bool, loaded: LoadedSpec) -> Key:
    when = {other: declared.wanted(other) for other in declared.when}
    if declared.values is not None:
        return Key(path, _distinct(declared.values), when=when)
    low, high, step = declared.low, declared.high, declared.step
    assert low is not None
    assert high is not None
    if step is not None:
        return Key(path, _steps(low, high, step), low, high, when=when)
    whole = isinstance(low, int) and isinstance(high, int)
    if whole and (is_grid or not _takes_fractions(loaded, path, low)):
        return Key(path, range(int(low), int(high) + 1), low, high, declared.log, when)
    return Key(path, None, low, high, declared.log, when)


def _distinct(values: list[Any]) -> list[Any]:
    return list({to_json(value): value for value in values}.values())


def _steps(low: float, high: float, step: float) -> list[float]:
    """`low`, `low + step`, … up to `high`, without the last digits that sums in binary leave."""
    count = math.floor((high - low) / step + 1e-9) + 1
    values = [low + i * step for i in range(count)]
    return values if isinstance(low, int) and isinstance(step, int) else [float(f"{value:.12g}") for value in values]


def _takes_fractions(loaded: LoadedSpec, path: str, low: float) -> bool:
    """Whether the key takes numbers between whole ones: a dropout rate from 0 to 1 does, a number of units does not."""
    document = loaded.document.copy()
    set_path(document, path, low + 0.5)
    assert document.declaration is not None
    before: list[Problem] = []
    after: list[Problem] = []
    convert(document.declaration, loaded.document.value, (), before)
    convert(document.declaration, document.value, (), after)
    return len(after) <= len(before)
