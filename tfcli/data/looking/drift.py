"""How far two files' columns are apart: Jensen-Shannon for numbers, L-infinity for categories."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfcli.data.looking.schema import ColumnSchema, TableSchema
from tfcli.data.looking.statistics import ColumnSketch, TableSketch

_BINS = 10
MISSING = "(missing)"
Comparison = Literal["drift", "skew"]


@dataclass(frozen=True)
class Distance:
    """How far a column is from another file's: `measure` jensen_shannon (base 2) or l_infinity, both from 0 to 1.

    `most`: the category (or, of numbers, the bin) whose share changed most, with its shares before and now.
    """

    column: str
    measure: Literal["jensen_shannon", "l_infinity"]
    value: float
    threshold: float
    most: str
    before: float
    now: float

    @property
    def is_anomaly(self) -> bool:
        return self.value > self.threshold


def distances(now: TableSketch, before: TableSketch, schema: TableSchema, kind: Comparison) -> Iterator[Distance]:
    """Of each column that both files have, numbers or categories. A missing value counts as a value of its own."""
    for name, sketch in now.columns.items():
        other = before.columns.get(name)
        if other is None or not sketch.rows or not other.rows:
            continue
        threshold = _threshold(schema, schema.columns.get(name), kind)
        types = {sketch.type, other.type}
        if types <= {"integer", "float"}:
            yield _of_numbers(name, sketch, other, threshold)
        elif "category" in types and types <= {"category", "text"}:
            yield _of_categories(name, sketch, other, threshold)


def _threshold(schema: TableSchema, column: ColumnSchema | None, kind: Comparison) -> float:
    own = getattr(column, kind, None)
    return getattr(schema, kind) if own is None else own


def _of_numbers(name: str, now: ColumnSketch, before: ColumnSketch, threshold: float) -> Distance:
    """Over bins that hold a tenth of the earlier numbers each, open at both ends."""
    if before.sample.numbers.size:
        inner = np.unique(np.quantile(before.sample.numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    else:
        inner = np.unique(np.quantile(now.sample.numbers, [0.5])) if now.sample.numbers.size else np.zeros(1)
    p, q = _shares(before, inner), _shares(now, inner)
    most = int(np.abs(q - p).argmax())
    labels = [
        MISSING,
        *(f"{low} to {high}" for low, high in zip(["-∞", *_texts(inner)], [*_texts(inner), "∞"], strict=True)),
    ]
    return Distance(
        name, "jensen_shannon", jensen_shannon(p, q), threshold, labels[most], float(p[most]), float(q[most])
    )


def _texts(edges: np.ndarray) -> list[str]:
    return [f"{edge:.5g}" for edge in edges]


def _shares(sketch: ColumnSketch, inner: np.ndarray) -> np.ndarray:
    """The share of what is missing, then of the numbers up to each edge and above the last."""
    counts = np.bincount(np.searchsorted(inner, sketch.sample.numbers), minlength=len(inner) + 1)
    known = counts / max(counts.sum(), 1) * (sketch.known / sketch.rows)
    return np.concatenate([[sketch.missing / sketch.rows], known])


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """The Jensen-Shannon divergence of two distributions (K,), in bits: 0 for the same, 1 where they never meet."""
    middle = (p + q) / 2

    def divergence(a: np.ndarray) -> float:
        some = a > 0
        return float((a[some] * np.log2(a[some] / middle[some])).sum())

    return max(0.0, (divergence(p) + divergence(q)) / 2)


def _of_categories(name: str, now: ColumnSketch, before: ColumnSketch, threshold: float) -> Distance:
    """The largest difference of a category's share: the L-infinity distance."""
    p, q = _category_shares(before), _category_shares(now)
    most = max(sorted(p.keys() | q.keys()), key=lambda value: abs(p.get(value, 0.0) - q.get(value, 0.0)))
    shares = p.get(most, 0.0), q.get(most, 0.0)
    return Distance(name, "l_infinity", abs(shares[0] - shares[1]), threshold, most, *shares)


def _category_shares(sketch: ColumnSketch) -> dict[str, float]:
    return {MISSING: sketch.missing / sketch.rows} | {
        value: count / sketch.rows for value, count in sketch.texts.counts.items()
    }
