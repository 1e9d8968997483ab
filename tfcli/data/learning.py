"""What features learn of a table's columns that pass by, some thousands of rows at a time.

Kept and streamed data go through the same blocks of rows, so both learn the same, to the bit.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tfcli.data.table import Table, stacked_tables
from tfcli.engine.preprocessing.learning import Summary
from tfcli.engine.preprocessing.lookup import most_frequent
from tfcli.errors import DataError

BLOCK_ROWS = 2**14
"""Rows that are learned from at a time."""


Refuse = Callable[[Table, np.ndarray], None]
"""Raises DataError for a table whose column has gaps there."""


class ColumnSummary:
    """What was seen of a column so far. This one has nothing to learn."""

    def update(self, table: Table) -> None:
        """Take some rows into account. Raises DataError naming row and column."""

    def result(self) -> dict[str, Any]:
        """What the feature's `encode` needs to know. Raises DataError."""
        return {}


class Categories(ColumnSummary):
    """Distinct values by how frequent they are: of `values(table, name)`, the values and which are missing."""

    def __init__(
        self, name: str, values: Callable[[Table, str], tuple[np.ndarray, np.ndarray]], limit: int | None
    ) -> None:
        self.name, self.values, self.limit = name, values, limit
        self.counts: Counter[Any] = Counter()

    def update(self, table: Table) -> None:
        values, missing = self.values(table, self.name)
        self.counts.update(values[~missing].ravel().tolist())

    def result(self) -> dict[str, Any]:
        return {"vocabulary": most_frequent(self.counts, self.limit)}


class Numbers(ColumnSummary):
    """What stands for a missing number, and what `summary` says of all numbers, those filled in included.

    Where the fill is learned itself, rows with gaps wait until it is known; a median needs all numbers.
    """

    def __init__(self, name: str, missing: str | float | None, summary: Summary | None, refuse: Refuse) -> None:
        self.name, self.missing, self.summary, self.refuse = name, missing, summary, refuse
        self.total, self.count = 0.0, 0
        self.known: list[np.ndarray] = []
        self.waiting: list[np.ndarray] = []

    def update(self, table: Table) -> None:
        numbers = table.numbers(self.name)
        gaps = np.isnan(numbers)
        if isinstance(self.missing, str):
            self._count(numbers[~gaps])
            late = gaps.reshape(len(gaps), -1).any(axis=1)
            self.waiting.append(numbers[late])
            self._take(numbers[~late])
        elif gaps.any():
            if self.missing is None:
                self.refuse(table, gaps)
            self._take(filled(numbers, self.missing))
        else:
            self._take(numbers)

    def _count(self, known: np.ndarray) -> None:
        self.total, self.count = self.total + float(known.sum()), self.count + known.size
        if self.missing == "median":
            self.known.append(known)

    def _take(self, numbers: np.ndarray) -> None:
        if self.summary is not None and len(numbers):
            self.summary.update(numbers.reshape(len(numbers), -1))

    def result(self) -> dict[str, Any]:
        fill = self._fill()
        late = np.concatenate(self.waiting) if self.waiting else np.zeros(0)
        self._take(filled(late, fill))
        return {"fill": fill} | (self.summary.result() if self.summary is not None else {})

    def _fill(self) -> float | None:
        if not isinstance(self.missing, str):
            return self.missing
        if not self.count:
            raise DataError(f"column {self.name!r} has no number in the training split to take the {self.missing} of")
        return self.total / self.count if self.missing == "mean" else float(np.median(np.concatenate(self.known)))


def filled(numbers: np.ndarray, fill: float | None) -> np.ndarray:
    """The numbers with `fill` where one is missing."""
    assert fill is not None or not np.isnan(numbers).any(), "missing numbers were refused"
    return np.nan_to_num(numbers, nan=fill or 0.0, posinf=np.inf, neginf=-np.inf)


class Known(Summary):
    """Of numbers that nothing is learned of: what is known before."""

    def __init__(self, learned: dict[str, Any]) -> None:
        self.learned = learned

    def update(self, batch: np.ndarray) -> None:
        """Nothing is learned."""

    def result(self) -> dict[str, Any]:
        return self.learned


def blocks(tables: Iterable[Table]) -> Iterator[Table]:
    """The same rows, `BLOCK_ROWS` at a time."""
    held: list[Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += len(table)
        if count >= BLOCK_ROWS:
            whole, start = held[0] if len(held) == 1 else stacked_tables(held, {}), 0
            while count - start >= BLOCK_ROWS:
                yield whole.select(slice(start, start + BLOCK_ROWS))
                start += BLOCK_ROWS
            held, count = [whole.select(slice(start, count))], count - start
    if count:
        yield held[0] if len(held) == 1 else stacked_tables(held, {})
