"""Which curves a run's metrics make, for whatever draws them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

_NOT_CURVES = ("epoch", "step", "seconds", "examples_per_second", "learning_rate")
TRAINING, VALIDATION = "#1f4e79", "#c55a11"
"""The colours of the two; validation is dashed as well, for prints in black and white."""


@dataclass(frozen=True)
class Curve:
    """The finite values of one key of the metrics: (epoch, value)."""

    label: str
    color: str
    is_dashed: bool
    points: list[tuple[float, float]]


def panels_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names to draw, each with its training and validation curve: the loss first, a changing learning rate last."""
    keys = dict.fromkeys(key for row in rows for key, value in row.items() if _is_number(value))
    names = dict.fromkeys(key.removeprefix("val_") for key in keys if key not in _NOT_CURVES)
    panels = sorted(names, key=lambda name: name != "loss")
    rates = {row["learning_rate"] for row in rows if _is_number(row.get("learning_rate"))}
    return [*panels, "learning_rate"] if len(rates) > 1 or not panels else panels


def curves_of(rows: Sequence[Mapping[str, Any]], name: str) -> list[Curve]:
    """What a panel shows: training and validation, where they have finite values."""
    found = [
        Curve("training", TRAINING, False, _points(rows, name)),
        Curve("validation", VALIDATION, True, _points(rows, f"val_{name}")),
    ]
    return [curve for curve in found if curve.points]


def _points(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(row["epoch"], row[key]) for row in rows if _is_number(row.get(key)) and math.isfinite(row[key])]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
