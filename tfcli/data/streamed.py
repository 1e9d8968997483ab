"""Sources too large to be kept in memory: their rows are read anew, some thousands at a time, in every pass.

The stages that choose and order work on blocks of examples instead of index arrays, and give the same order; a shuffle
holds its buffer and no more. Splits are drawn block by block, each its exact share.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.blocks import Begin, Block
from tfcli.data.feature_space import FeatureSpace
from tfcli.data.files import Blob, fingerprints
from tfcli.data.labels import learn_labels
from tfcli.data.pipeline import Pipeline, refuse_empty, transformed
from tfcli.data.source import ChunkedSource, Kinds
from tfcli.data.split import SplitSpec
from tfcli.data.stage import Arranging, Batch, Context, Moment, Sizes
from tfcli.data.stages.filter import Filter
from tfcli.data.stages.flow import Keeping
from tfcli.data.stages.groups import DEFAULT_BATCH_SIZE, Batching, BatchStage, Unbatch
from tfcli.data.table import Table
from tfcli.data.threads import prefetched
from tfcli.errors import DataError

_NUMBERS = 2**16
_STAND_INS = 2**12
"""Examples in a block."""


@dataclass
class Survey:
    """What one pass over all rows says: how many there are, the columns' dtypes, and what had to be left out."""

    chunks: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """The file that each chunk is of."""
    kinds: Kinds = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    _shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, table: Table) -> None:
        self.chunks.append(len(table))
        self.files += table.rows.files
        self.skipped += table.skipped
        for name, column in table.columns.items():
            same = self._shapes.setdefault(name, column.shape[1:]) == column.shape[1:]
            known = self.kinds.get(name, column.dtype) if same else np.dtype(object)
            self.kinds[name] = _wider(known, column.dtype)


def _wider(a: np.dtype, b: np.dtype) -> np.dtype:
    return np.dtype(object) if object in (a, b) else np.promote_types(a, b)


class StreamedRows:
    """A source's rows by split, without holding more than a chunk of them."""

    def __init__(self, source: ChunkedSource, root: Path, split: SplitSpec | None, seed: int) -> None:
        self.source, self.split, self.seed = source, split, seed
        self.blobs: list[Blob] = source.blobs(root)

    @cached_property
    def survey(self) -> Survey:
        survey = Survey()
        for table in self.source.chunks(self.blobs, labelled=True):
            survey.add(table)
        return survey

    def fingerprints(self) -> dict[str, str]:
        return fingerprints(self.blobs)

    def sizes(self) -> dict[str, int]:
        """Rows by split. Raises DataError where there are too few."""
        total = sum(self.survey.chunks)
        if self.split is None:
            return {"train": total}
        if self.split.folds is not None:
            raise DataError("data.split.folds: the source is streamed, so it is not cut in folds; `streaming: false`")
        sizes = self.split.sizes(total, self.blobs[0].name)
        return {"train": total - sum(sizes.values()), **sizes}

    def tables(self, name: str, first: int = 0) -> Iterator[Table]:
        """A pass over the rows of a split, from chunk number `first` on."""
        total, before = sum(self.survey.chunks), sum(self.survey.chunks[:first])
        sizes = self.sizes()
        for number, table in enumerate(self._chunks(first), first):
            end = before + len(table)
            shares = {n: _share(size, end, total) - _share(size, before, total) for n, size in sizes.items()}
            before = end
            part = self._part(table, name, shares, number)
            if len(part):
                yield part

    def _chunks(self, first: int) -> Iterator[Table]:
        """The chunks from number `first` on; the files before are not opened."""
        file = self.survey.files[first]
        names = [blob.name for blob in self.blobs]
        skip = first - self.survey.files.index(file)
        return self.source.chunks(self.blobs[names.index(file) :], True, self.survey.kinds, skip)

    def chunk_with(self, name: str, row: int) -> tuple[int, int]:
        """The chunk that has a split's row of that number, and how many rows of the split come before that chunk."""
        ends = np.cumsum(self.survey.chunks)
        sizes = self.sizes()
        others = {n: np.array([_share(s, end, int(ends[-1])) for end in ends.tolist()]) for n, s in sizes.items()}
        own = ends - sum(others[n] for n in sizes if n != "train") if name == "train" else others[name]
        chunk = min(int(np.searchsorted(own, row, side="right")), len(own) - 1)
        return chunk, int(own[chunk - 1]) if chunk else 0

    def _part(self, table: Table, name: str, shares: dict[str, int], number: int) -> Table:
        if self.split is None:
            return table
        shares.pop("train")
        return table.select(self.split.drawn(table, shares, self.seed, number)[name])

    def learn(self, space: FeatureSpace) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """The classes of the labels and what the features learn, in one pass over the training split; in none where
        neither depends on it.
        """
        classes: dict[str, set[str]] = {}

        def watched() -> Iterator[Table]:
            for table in self.tables("train"):
                for name, found in learn_labels(table).items():
                    classes.setdefault(name, set()).update(found)
                yield table

        first = next(self.tables("train"))
        texts = any(self.survey.kinds[name].kind == "O" for name in first.labels)
        if space.learns:
            learned = space.learn(watched())
        else:
            learned = space.learn([first])
            for _ in watched() if texts else ():
                pass
        return {name: sorted(found) for name, found in classes.items()}, learned


def _share(size: int, end: int, total: int) -> int:
    """How many of the first `end` of `total` rows belong to a split of `size` rows."""
    return (size * end + total // 2) // total


Late = Callable[[int], tuple[int, Iterator[Batch]]]
"""Begins a pass that needs no example before the one of a number: how many were left out, and the others."""


class StreamedSplit:
    """What `Split` is, of examples that `begin` reads anew: `count` of them."""

    def __init__(self, begin: Late, count: int, pipeline: Pipeline) -> None:
        self.begin, self.count, self.pipeline = begin, count, pipeline
        for context, stage in zip(pipeline.contexts(), pipeline.stages, strict=True):
            if isinstance(stage, Keeping | Filter) or (isinstance(stage, Arranging) and stage.measures):
                raise DataError(
                    f"{context.where}: needs all examples in memory, and this source is streamed because it is large; "
                    "leave the stage out, or say `streaming: false` in the source"
                )
        refuse_empty(self._sizes(training=False), count)

    @property
    def num_examples(self) -> int:
        """Examples in one pass outside training."""
        return int(self._sizes(training=False).sum())

    @property
    def num_batches(self) -> int:
        """Batches in one pass outside training."""
        return len(self._sizes(training=False))

    def steps_per_epoch(self) -> int:
        """Batches in one pass in training, where `repeat` counts."""
        return len(self._sizes(training=True))

    @cached_property
    def sample(self) -> Batch:
        """Examples to look at, before the pipeline: the first ones."""
        return next(self.begin(0)[1])

    def whole(self) -> "StreamedSplit":
        """All examples in the source's order: for predictions."""
        return StreamedSplit(self.begin, self.count, self.pipeline.whole())

    def labels(self) -> dict[str, np.ndarray]:
        """The labels by target, texts as their index, before the pipeline, in the order of `batches` outside
        training."""
        parts = [batch.targets for batch in self._ordered(0, training=False)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def batches(self, epoch: int = 0, start: int = 0, training: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: the same ones each time for the same seed and epoch."""
        stream = transformed(self._placed(epoch, start, training), self.pipeline.functions())
        return prefetched(stream, self.pipeline.prefetch) if self.pipeline.prefetch else stream

    def _placed(self, epoch: int, start: int, training: bool) -> Iterator[Batch]:
        position = 0
        for number, batch in enumerate(self._ordered(epoch, training, start)):
            if number >= start:
                yield replace(batch, moment=Moment(epoch, position) if training else None)
            position += len(batch)

    def _ordered(self, epoch: int, training: bool, start: int = 0) -> Iterator[Batch]:
        """The batches; those before number `start` have their size, and may hold other examples."""
        first = self._first_needed(epoch, training, start) if start else 0
        return self._through(lambda: self._examples(first), epoch, training)

    def _first_needed(self, epoch: int, training: bool, start: int) -> int:
        """The number of the first example that batches from number `start` on have: found by sending numbers of
        examples the way of the examples."""
        blocks = lambda: (np.arange(at, min(at + _NUMBERS, self.count)) for at in range(0, self.count, _NUMBERS))  # noqa: E731
        late = islice(self._through(blocks, epoch, training), start, None)
        return min((int(numbers.min()) for numbers in late), default=self.count)

    def _examples(self, first: int) -> Iterator[Batch]:
        """All examples; in the place of some before number `first` stand others, and nothing is read for them."""
        left_out, examples = self.begin(first) if first < self.count else (self.count, iter(()))
        for at in range(0, left_out, _STAND_INS):
            yield self.sample.take(np.zeros(min(_STAND_INS, left_out - at), np.int64))
        yield from examples

    def _through(self, begin: Begin, epoch: int, training: bool) -> Iterator[Any]:
        """The batches that the stages make of blocks of examples."""
        for stage, context in self._arranging(training):
            begin = partial(_streamed, stage, begin, context, epoch)
        return (batch for block in begin() for batch in block)

    def _arranging(self, training: bool) -> Iterator[tuple[Arranging, Context]]:
        """The stages that arrange, with the one that makes batches where there is none."""
        batched = False
        for stage, context in zip(self.pipeline.stages, self.pipeline.contexts(), strict=True):
            if isinstance(stage, Arranging) and (training or not stage.training_only):
                batched = (batched or isinstance(stage, Batching)) and not isinstance(stage, Unbatch)
                yield stage, context
        if not batched:
            yield BatchStage(DEFAULT_BATCH_SIZE), self.pipeline.context

    def _sizes(self, training: bool) -> np.ndarray:
        """The batches' sizes, in order of an epoch's."""
        sizes: Sizes = self.count
        for stage, context in self._arranging(training):
            sizes = stage.sizes(sizes, context)
        return np.asarray(sizes)


def _streamed(stage: Arranging, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
    return stage.stream(begin, context, epoch)
