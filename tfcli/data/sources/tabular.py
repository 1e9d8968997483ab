"""What sources of named columns have in common."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from tfcli.data.faults import Faults, OnError
from tfcli.data.files import Blob, find, fingerprints
from tfcli.data.source import ChunkedSource, Kinds, Names, Source
from tfcli.data.table import Rows, Table, as_examples, as_list, missing
from tfcli.data.uneven import is_uneven, uneven
from tfcli.declare import PathString, nearest
from tfcli.errors import DataError

Columns = dict[str, np.ndarray]
Part = tuple[Columns, Rows]
CHUNK_ROWS = 2**14
"""Rows of a streamed table that are held at a time."""


@dataclass(frozen=True)
class Wanted:
    """What is read of a file."""

    columns: frozenset[str] | None = None
    """None: all."""
    texts: frozenset[str] = frozenset()
    """Columns that stay as they are written."""
    size: int | None = None
    """Rows at a time; None: all at once."""
    skip: int = 0
    """Rows to pass over first, a multiple of `size`."""

    def chosen(self, names: Iterable[str]) -> list[str]:
        """The columns to read of those that there are: all, where one that is wanted is absent, so that whoever misses
        it can say what there is."""
        there = list(names)
        if self.columns is None or not self.columns <= set(there):
            return there
        return [name for name in there if name in self.columns]


class TabularSource(ChunkedSource, abstract=True):
    """Files of named columns. A glob's files are one table, in order of their names."""

    path: PathString
    """A file or a glob; `bundled:iris`, `bundled:penguins` and `bundled:co2` are files that come with the package."""
    label: Names | None = None
    """The column (or columns) to predict."""
    features: Names | None = None
    """The columns to predict from. Default: every other column."""
    sample_weight: str | None = None
    """A column of weights, one an example."""
    missing_label: OnError = "stop"
    """What to do about a row without a label: stop there, or skip it, counting and naming it."""
    _only: frozenset[str] | None = None

    def only(self, features: Iterable[str], others: Iterable[str]) -> Self:
        names = [*features, *as_list(self.features)]
        if not names:
            return self
        narrow = copy(self)
        narrow._only = frozenset([*names, *others, *as_list(self.label), *as_list(self.sample_weight)])
        return narrow

    def blobs(self, root: Path) -> list[Blob]:
        return find(root, self.path)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self._reader(blob).whole([blob], labelled)

    def _reader(self, blob: Blob) -> "TabularSource":
        """This source, or the one whose files have the suffix of `blob`: what learned from CSV can predict from JSON
        lines."""
        assert Source.registry is not None
        cls = Source.registry.find(blob.suffix.removeprefix("."))
        if cls is None or isinstance(self, cls) or not issubclass(cls, TabularSource):
            return self
        kept = ("path", "label", "features", "sample_weight", "missing_label")
        return cls(**{name: getattr(self, name) for name in kept})

    def parts(self, blob: Blob, faults: Faults, wanted: Wanted) -> Iterator[Part]:
        """What is wanted of the columns of one file, in its order."""
        raise AssertionError(f"{type(self).__name__} must define parts")

    def columns_of(self, blob: Blob) -> Part:
        """The columns of one file, all at once."""
        return next(self.parts(blob, Faults(), Wanted()))

    def whole(self, blobs: Sequence[Blob], labelled: bool) -> Table:
        faults = Faults(self.on_error)
        parts = [part for blob in blobs for part in self.parts(blob, faults, Wanted(self._only))]
        return self._table(*join(parts), labelled, fingerprints(blobs), tuple(faults.messages))

    def chunks(
        self, blobs: Sequence[Blob], labelled: bool, kinds: Kinds | None = None, skip: int = 0
    ) -> Iterator[Table]:
        texts = frozenset(name for name, dtype in (kinds or {}).items() if dtype.kind == "O")
        first: Part | None = None
        for i, blob in enumerate(blobs):
            faults = Faults(self.on_error)
            wanted = Wanted(self._only, texts, CHUNK_ROWS, 0 if i else skip * CHUNK_ROWS)
            for columns, rows in self.parts(blob, faults, wanted):
                first = first or (columns, rows)
                refuse_other_columns((columns, rows), first)
                ordered = {name: _as_kind(columns[name], (kinds or {}).get(name)) for name in first[0]}
                messages, faults.messages = tuple(faults.messages), []
                yield self._table(ordered, rows, labelled, {}, messages)

    def _table(
        self, columns: Columns, rows: Rows, labelled: bool, files: dict[str, str], skipped: tuple[str, ...]
    ) -> Table:
        labels = as_list(self.label) if labelled else []
        weight = self.sample_weight if labelled else None
        rest = [name for name in columns if name not in as_list(self.label) and name != self.sample_weight]
        features = as_list(self.features) or rest
        for name in [*features, *labels, *as_list(weight)]:
            if name not in columns:
                hint = nearest(name, columns) or f"its columns are: {', '.join(columns)}"
                raise DataError(f"{rows.files[0]}: has no column {name!r}; {hint}")
        table = Table(columns, features, rows, labels, weight, files, tabular=True, skipped=skipped)
        return table if self.missing_label == "stop" else _without_gaps(table)


def _without_gaps(table: Table) -> Table:
    """The rows that have all labels; of the others there is a message each."""
    gaps = {name: missing(table.columns[name]) for name in table.labels}
    absent = [(row, name) for name, rows in gaps.items() for row in np.flatnonzero(rows).tolist()]
    found = [f"{table.where(row, name)}: the label is missing" for row, name in absent]
    kept = ~np.any([np.zeros(len(table), bool), *gaps.values()], axis=0)
    return replace(table.select(kept), skipped=(*table.skipped, *found))


def _as_kind(column: np.ndarray, dtype: np.dtype | None) -> np.ndarray:
    if dtype is None or column.dtype == dtype:
        return column
    if column.ndim > 1:
        return uneven(list(column)) if dtype.kind == "O" else column.astype(dtype)
    return _as_texts(column) if dtype.kind == "O" else column.astype(dtype)


def refuse_other_columns(part: Part, first: Part) -> None:
    """Raises DataError where two files do not have the same columns."""
    different = sorted(set(first[0]) - set(part[0])) or sorted(set(part[0]) - set(first[0]))
    if different:
        raise DataError(
            f"{part[1].files[0]} and {first[1].files[0]} do not have the same columns: {', '.join(different)}"
        )


def join(parts: Sequence[Part]) -> Part:
    """The tables one below the other. Raises DataError where they do not have the same columns."""
    first, first_rows = parts[0]
    if len(parts) == 1:
        return first, first_rows
    for part in parts[1:]:
        refuse_other_columns(part, parts[0])
    rows = Rows(
        [file for _, part in parts for file in part.files],
        np.concatenate([part.file + i for i, (_, part) in enumerate(parts)]),
        np.concatenate([part.number for _, part in parts]),
    )
    return {name: _stack([columns[name] for columns, _ in parts], name, rows) for name in first}, rows


def _stack(columns: list[np.ndarray], name: str, rows: Rows) -> np.ndarray:
    if len({column.shape[1:] for column in columns}) > 1 or any(map(is_uneven, columns)):
        return uneven(as_examples(columns, name, rows.files))
    if any(column.dtype == object for column in columns):
        # Where one file has texts, the others' numbers are texts too: parsing anew keeps "" as the missing one.
        columns = [column if column.dtype == object else _as_texts(column) for column in columns]
    return np.concatenate(columns)


def _as_texts(column: np.ndarray) -> np.ndarray:
    return np.array(["" if value != value else str(value) for value in column.tolist()], object)
