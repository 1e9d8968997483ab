"""Bounds and special texts that fields are annotated with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """For `Annotated[int, Range(low=1)]`: a number within bounds; an `open_*` bound is itself excluded."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        return above and (self.high is None or (value < self.high if self.open_high else value <= self.high))

    def __str__(self) -> str:
        low = None if self.low is None else f"{'>' if self.open_low else '≥'} {self.low:g}"
        high = None if self.high is None else f"{'<' if self.open_high else '≤'} {self.high:g}"
        return " and ".join(bound for bound in (low, high) if bound)


@dataclass(frozen=True, eq=False)
class Hints:
    """For `Annotated[Literal[...], Hints({...})]`: the suggestion for each value that users may well try in vain."""

    messages: Mapping[str, str]


PositiveInt = Annotated[int, Range(low=1)]
NonNegativeInt = Annotated[int, Range(low=0)]
PositiveFloat = Annotated[float, Range(low=0, open_low=True)]
NonNegativeFloat = Annotated[float, Range(low=0)]
Probability = Annotated[float, Range(low=0, high=1)]
DropRate = Annotated[float, Range(low=0, high=1, open_high=True)]


class PathString(str):
    """A file path as written in the spec; relative ones are resolved against the spec's folder."""


class ModuleName(str):
    """A Python module of the user's own, whose classes a spec may name."""


class FunctionName(str):
    """`"module:function"`, a Python function of the user's own."""
