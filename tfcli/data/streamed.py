"""Sources too large to be kept in memory: their rows are read anew, some thousands at a time, in every pass.

The stages that choose and order work on blocks of examples instead of index arrays, and give the same order; a shuffle
holds its buffer and no more. Splits are drawn block by block, each its exact share.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.blocks import Batches, Begin, Block, regrouped
from tfcli.data.features import Feature, NumberFeature
from tfcli.data.files import Blob, fingerprints
from tfcli.data.labels import learn_labels
from tfcli.data.pipeline import Pipeline, refuse_empty, transformed
from tfcli.data.source import ChunkedSource, Kinds
from tfcli.data.split import SplitSpec
from tfcli.data.stage import Batch, Context, Moment, Ordering
from tfcli.data.stages.filter import Filter
from tfcli.data.stages.flow import Cache
from tfcli.data.stages.order import DEFAULT_BATCH_SIZE, BatchStage
from tfcli.data.table import Table, stacked_tables
from tfcli.data.threads import prefetched
from tfcli.errors import DataError

_HELD_BYTES = 2**27
"""How much of a column's values features may learn from at a time."""


@dataclass
class Survey:
    """What one pass over all rows says: how many there are, the columns' dtypes, and what had to be left out."""

    chunks: list[int] = field(default_factory=list)
    kinds: Kinds = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    def add(self, table: Table) -> None:
        self.chunks.append(len(table))
        self.skipped += table.skipped
        for name, column in table.columns.items():
            self.kinds[name] = _wider(self.kinds.get(name, column.dtype), column.dtype)


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

    def tables(self, name: str) -> Iterator[Table]:
        """A pass over the rows of a split."""
        total, before = sum(self.survey.chunks), 0
        sizes = self.sizes()
        for number, table in enumerate(self.source.chunks(self.blobs, True, self.survey.kinds)):
            end = before + len(table)
            shares = {n: _share(size, end, total) - _share(size, before, total) for n, size in sizes.items()}
            before = end
            part = self._part(table, name, shares, number)
            if len(part):
                yield part

    def _part(self, table: Table, name: str, shares: dict[str, int], number: int) -> Table:
        if self.split is None:
            return table
        shares.pop("train")
        return table.select(self.split.drawn(table, shares, self.seed, number)[name])

    def learn_labels(self) -> dict[str, Any]:
        """As `learn_labels` of all the training split."""
        found: dict[str, set[str]] = {}
        for table in self.tables("train"):
            for name, classes in learn_labels(table).items():
                found.setdefault(name, set()).update(classes)
        return {name: sorted(classes) for name, classes in found.items()}

    def learn_features(self, features: dict[str, Feature]) -> dict[str, Any]:
        """What the features learn, of as many columns a pass as fit into memory."""
        first = next(self.tables("train"))
        learned = {name: f.learn(_only(first, [name]), name) for name, f in features.items() if not _looks_at(f)}
        names = [name for name in features if name not in learned]
        at_once = max(_HELD_BYTES // (8 * self.sizes()["train"]), 1)
        for i in range(0, len(names), at_once):
            group = names[i : i + at_once]
            column = stacked_tables([_only(table, group) for table in self.tables("train")], {})
            learned |= {name: features[name].learn(column, name) for name in group}
        return learned


def _looks_at(feature: Feature) -> bool:
    """Whether what the feature learns depends on the data at all."""
    if not isinstance(feature, NumberFeature):
        return type(feature).learn is not Feature.learn
    return isinstance(feature.missing, str) or type(feature).learn_numbers is not NumberFeature.learn_numbers


def _share(size: int, end: int, total: int) -> int:
    """How many of the first `end` of `total` rows belong to a split of `size` rows."""
    return (size * end + total // 2) // total


def _only(table: Table, names: list[str]) -> Table:
    columns = {name: table.columns[name] for name in names if name in table.columns}
    return replace(table, columns=columns, features=list(columns), labels=[], weight=None)


class StreamedSplit:
    """What `Split` is, of examples that `begin` reads anew: `count` of them."""

    def __init__(self, begin: Callable[[], Iterator[Batch]], count: int, pipeline: Pipeline) -> None:
        self.begin, self.count, self.pipeline = begin, count, pipeline
        for context, stage in zip(pipeline.contexts(), pipeline.stages, strict=True):
            if isinstance(stage, Cache | Filter):
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
        return next(self.begin())

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
        for number, batch in enumerate(self._ordered(epoch, training)):
            if number >= start:
                yield replace(batch, moment=Moment(epoch, position) if training else None)
            position += len(batch)

    def _ordered(self, epoch: int, training: bool) -> Iterator[Batch]:
        begin: Begin = self.begin
        batched = False
        for stage, context in zip(self.pipeline.stages, self.pipeline.contexts(), strict=True):
            if isinstance(stage, BatchStage):
                begin, batched = partial(_cut, begin, stage), True
            elif isinstance(stage, Ordering) and (training or not stage.training_only):
                begin = partial(_streamed, stage, begin, context, epoch)
        if not batched:
            begin = partial(_cut, begin, BatchStage(DEFAULT_BATCH_SIZE))
        return (batch for block in begin() for batch in block)

    def _sizes(self, training: bool) -> np.ndarray:
        """The batches' sizes, in order of an epoch's."""
        count: int = self.count
        sizes: np.ndarray | None = None
        for stage, context in zip(self.pipeline.stages, self.pipeline.contexts(), strict=True):
            if isinstance(stage, BatchStage):
                sizes = _batch_sizes(stage, count)
            elif isinstance(stage, Ordering) and (training or not stage.training_only):
                if sizes is None:
                    count = stage.remaining(count)
                else:
                    sizes = sizes[stage.order(len(sizes), context, 0)]
        return _batch_sizes(BatchStage(DEFAULT_BATCH_SIZE), count) if sizes is None else sizes


def _streamed(stage: Ordering, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
    return stage.stream(begin, context, epoch)


def _cut(begin: Begin, stage: BatchStage) -> Iterator[Block]:
    for group in regrouped(begin(), stage.batch_size):
        if len(group) == stage.batch_size or not stage.drop_remainder:
            yield Batches([group])


def _batch_sizes(stage: BatchStage, count: int) -> np.ndarray:
    whole, rest = divmod(count, stage.batch_size)
    last = [rest] if rest and not stage.drop_remainder else []
    return np.array([stage.batch_size] * whole + last, np.int64)
