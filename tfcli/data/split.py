"""Cutting one source into training, validation and test splits."""

from typing import Annotated

import numpy as np

from tfcli.data.random import generator
from tfcli.data.table import Table
from tfcli.declare import Declared, FieldError, NonNegativeInt, PositiveInt, Range
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
    folds: Annotated[int, Range(low=2)] | None = None
    """Cut what is no test split into so many parts, and validate on one of them."""
    fold: NonNegativeInt = 0
    """Which part that is, from 0."""

    def check(self) -> None:
        if self.validation is None and self.test is None and self.folds is None:
            raise FieldError(
                "validation", "a split needs `validation`, `test` or both", "for example `validation: 0.2`"
            )
        if self.folds is not None and self.validation is not None:
            raise FieldError("folds", "`folds` does not go with `validation`", "keep one of the two")
        if self.fold >= (self.folds or 1):
            raise FieldError("fold", f"expected a whole number below `folds`, got {self.fold}")
        fractions = sum(share for share in (self.validation, self.test) if isinstance(share, float))
        if fractions >= 1:
            raise FieldError("test", "validation and test together leave nothing to train on")

    def has(self, name: str) -> bool:
        """Whether there is a split called `name`, train, validation or test."""
        return name == "train" or getattr(self, name) is not None or (name == "validation" and self.folds is not None)

    def parts(self, table: Table, seed: int, ordered: bool) -> Parts:
        """Row indices, rising, by split name. Raises DataError where there are too few rows."""
        sizes = self.sizes(len(table), table.rows.files[0])
        if ordered:
            return self._cut(len(table), sizes)
        rng = generator(seed if self.seed is None else self.seed, "split")
        if self.folds is not None:
            return self._fold(table, sizes, rng)
        if self.stratify is False:
            return draw(rng.permutation(len(table)), sizes)
        return draw_stratified(self._classes(table), sizes, rng)

    def _fold(self, table: Table, sizes: dict[str, int], rng: np.random.Generator) -> Parts:
        assert self.folds is not None
        classes = np.zeros(len(table), np.int64) if self.stratify is False else self._classes(table)
        parts = draw_stratified(classes, sizes, rng)
        rest = rng.permutation(parts["train"])
        # One class after the other, dealt out in turn: each fold has its share of each.
        rest = rest[np.argsort(classes[rest], kind="stable")]
        chosen = np.arange(len(rest)) % self.folds == self.fold
        if len(rest) < self.folds:
            raise DataError(f"{table.rows.files[0]}: {len(rest)} examples are too few for {self.folds} folds")
        return parts | {"train": np.sort(rest[~chosen]), "validation": np.sort(rest[chosen])}

    def drawn(self, table: Table, sizes: dict[str, int], seed: int, chunk: int) -> Parts:
        """Row indices, rising, by split name, of part number `chunk` of a table, of which `sizes` are set aside."""
        rng = generator(seed if self.seed is None else self.seed, "split", chunk)
        if self.stratify is False:
            return draw(rng.permutation(len(table)), sizes)
        return draw_stratified(self._classes(table), sizes, rng)

    def sizes(self, count: int, file: str) -> dict[str, int]:
        """How many of `count` examples are set aside for each split. Raises DataError where they are too few."""
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
        if self.folds is not None:
            raise DataError("data.split.folds: this source has an order, and training on what comes later is no test")
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
