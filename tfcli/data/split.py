"""Cutting one source into training, validation and test splits."""

from typing import Annotated

import numpy as np

from tfcli.data.random import generator
from tfcli.data.table import Table
from tfcli.declare import Declared, FieldError, PositiveInt, Range
from tfcli.errors import DataError

Share = PositiveInt | Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]
Parts = dict[str, np.ndarray]


class SplitSpec(Declared, name="split"):
    """How much of the source is set aside. What is left is the training split; each split keeps the source's order."""

    validation: Share | None = None
    """A fraction (0.15) or a number of examples."""
    test: Share | None = None
    stratify: bool | str = False
    """Keep the proportions of the label's classes in each split; with several labels, the name of one."""
    seed: int | None = None
    """Draws the examples. Default: the spec's seed."""

    def check(self) -> None:
        if self.validation is None and self.test is None:
            raise FieldError(
                "validation", "a split needs `validation`, `test` or both", "for example `validation: 0.2`"
            )
        fractions = sum(share for share in (self.validation, self.test) if isinstance(share, float))
        if fractions >= 1:
            raise FieldError("test", "validation and test together leave nothing to train on")

    def parts(self, table: Table, seed: int, ordered: bool) -> Parts:
        """Row indices, rising, by split name. Raises DataError where there are too few rows."""
        sizes = self._sizes(len(table), table.rows.files[0])
        if ordered:
            return self._cut(len(table), sizes)
        rng = generator(seed if self.seed is None else self.seed, "split")
        if self.stratify is False:
            return draw(rng.permutation(len(table)), sizes)
        return draw_stratified(self._classes(table), sizes, rng)

    def _sizes(self, count: int, file: str) -> dict[str, int]:
        shares = {"validation": self.validation, "test": self.test}
        sizes = {
            name: share if isinstance(share, int) else int(share * count + 0.5)
            for name, share in shares.items()
            if share is not None
        }
        empty = [name for name, size in sizes.items() if size == 0]
        if empty or sum(sizes.values()) >= count:
            wanted = ", ".join(f"{size} for {name}" for name, size in sizes.items())
            raise DataError(f"{file}: {count} examples are too few for this split: {wanted}, and the rest to train on")
        return sizes

    def _cut(self, count: int, sizes: dict[str, int]) -> Parts:
        if self.stratify is not False:
            raise DataError(
                "data.split.stratify: this source has an order, so it is cut by it and cannot be stratified"
            )
        bounds = np.cumsum([count - sum(sizes.values()), *sizes.values()])
        return dict(zip(["train", *sizes], np.split(np.arange(count), bounds[:-1]), strict=True))

    def _classes(self, table: Table) -> np.ndarray:
        name = self.stratify if isinstance(self.stratify, str) else next(iter(table.labels), None)
        if name is None:
            raise DataError("data.split.stratify: the source has no label to keep the proportions of")
        if name not in table.columns:
            raise DataError(f"data.split.stratify: there is no column {name!r}; there are: {', '.join(table.columns)}")
        column = table.columns[name]
        if column.ndim != 1 or column.dtype.kind not in "Oiub":
            raise DataError(f"data.split.stratify: {name!r} has no classes (it is {column.dtype} {column.shape[1:]})")
        return np.unique(column, return_inverse=True)[1]


def draw(order: np.ndarray, sizes: dict[str, int]) -> Parts:
    """The first of `order` for each split, the rest for training."""
    *chosen, rest = np.split(order, np.cumsum(list(sizes.values())))
    return {"train": np.sort(rest)} | {name: np.sort(rows) for name, rows in zip(sizes, chosen, strict=True)}


def draw_stratified(classes: np.ndarray, sizes: dict[str, int], rng: np.random.Generator) -> Parts:
    """As `draw`, with each class's share of every split rounded by the largest remainder. `classes` (N,) int, from
    0."""
    members = [rng.permutation(np.flatnonzero(classes == c)) for c in range(classes.max() + 1)]
    totals = np.array([len(rows) for rows in members])
    taken = np.zeros_like(totals)
    parts: Parts = {}
    for name, size in sizes.items():
        quota = largest_remainder(totals, size, totals - taken)
        parts[name] = np.sort(np.concatenate([m[t : t + q] for m, t, q in zip(members, taken, quota, strict=True)]))
        taken = taken + quota
    rest = np.concatenate([m[t:] for m, t in zip(members, taken, strict=True)])
    return {"train": np.sort(rest)} | parts


def largest_remainder(weights: np.ndarray, size: int, available: np.ndarray) -> np.ndarray:
    """`size` divided in proportion to `weights`, whole numbers, none above what is `available`."""
    ideal = weights * size / weights.sum()
    quota = np.minimum(np.floor(ideal).astype(np.int64), available)
    while (left := size - quota.sum()) > 0:
        open_classes = np.flatnonzero(quota < available)
        by_remainder = open_classes[np.argsort(quota[open_classes] - ideal[open_classes], kind="stable")]
        quota[by_remainder[:left]] += 1
    return quota
