"""A pipeline's way through the examples.

Choosing and ordering is arithmetic on indices, done for a whole epoch beforehand; only then are batches gathered and
transformed. So an epoch can begin in its middle, and no example is touched that no batch needs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tfcli.data.stage import Batch, Context, Function, InputTransform, Moment, Ordering, Stage, Transform, joined
from tfcli.data.stages.filter import Filter
from tfcli.data.stages.flow import Cache, Prefetch
from tfcli.data.stages.order import DEFAULT_BATCH_SIZE, BatchStage
from tfcli.data.stored import key_of, stored
from tfcli.data.threads import prefetched
from tfcli.errors import DataError

Plan = list[np.ndarray]
_CHUNK = 1024


@dataclass(frozen=True)
class Pipeline:
    """The stages, what they learned, and their surroundings."""

    stages: Sequence[Stage]
    context: Context
    learned: dict[int, Any]

    def contexts(self) -> list[Context]:
        batched, result = False, []
        for i, stage in enumerate(self.stages):
            where = f"data.pipeline[{i}] ({stage.type_name})"
            result.append(replace(self.context, where=where, index=i, batched=batched))
            batched = batched or isinstance(stage, BatchStage)
        return result

    def functions(self, first: int = 0, end: int | None = None) -> list[Function]:
        """The transformations among the stages from `first` to before `end`."""
        span = list(enumerate(zip(self.stages, self.contexts(), strict=True)))[first:end]
        return [
            stage.bind(self.learned.get(i, {}), context) for i, (stage, context) in span if isinstance(stage, Transform)
        ]

    def filtered(self, examples: Batch) -> Batch:
        """The examples that the `filter` stages, which come first, go on with."""
        for stage, context in zip(self.stages, self.contexts(), strict=True):
            if isinstance(stage, Filter):
                examples = examples.take(stage.kept(examples, context))
        return examples

    def learn(self, examples: Batch) -> "Pipeline":
        """The pipeline with what its stages learn from `examples`, each from what the stages before it make of them."""
        refuse_empty(self.plan(len(examples)), len(examples))
        return self.learn_from(lambda before: before.stream(examples))

    def learn_from(self, stream: "Callable[[Pipeline], Iterator[Batch]]") -> "Pipeline":
        """The same from a pass over what a pipeline makes of the examples."""
        learned: dict[int, Any] = {}
        for i, (stage, context) in enumerate(zip(self.stages, self.contexts(), strict=True)):
            if isinstance(stage, Transform) and stage.learns:
                before = Pipeline(self.stages[:i], self.context, learned)
                learned[i] = stage.learn(Replay(partial(stream, before)), context)
        return replace(self, learned=learned)

    def stream(self, examples: Batch) -> Iterator[Batch]:
        """All of `examples` in large batches, neither shuffled nor repeated."""
        plan = self.plan(len(examples), default_batch_size=_CHUNK)
        return transformed((examples.take(rows) for rows in plan), self.functions())

    def plan(
        self,
        elements: int | np.ndarray | Plan,
        epoch: int = 0,
        training: bool = False,
        first: int = 0,
        end: int | None = None,
        default_batch_size: int | None = DEFAULT_BATCH_SIZE,
    ) -> Any:
        """The rows of each batch, in order, by the stages from `first` to before `end`.

        `elements` are the rows that the stages begin with (a number: so many), or batches of them. Without a batch
        stage and `default_batch_size` the result is one array of rows.
        """
        items: Any = np.arange(elements) if isinstance(elements, int) else elements
        for stage, context in list(zip(self.stages, self.contexts(), strict=True))[first:end]:
            if isinstance(stage, BatchStage):
                items = stage.cut(items, stage.drop_remainder)
            elif isinstance(stage, Ordering) and (training or not stage.training_only):
                order = stage.order(len(items), context, epoch)
                items = items[order] if isinstance(items, np.ndarray) else [items[i] for i in order]
        if default_batch_size is not None and isinstance(items, np.ndarray):
            items = BatchStage(default_batch_size).cut(items, drop_remainder=False)
        return items

    def whole(self) -> "Pipeline":
        """The pipeline without anything that chooses, orders or drops examples: for predictions, one an example."""
        return replace(self, stages=[_undropping(stage) for stage in self.stages])

    def varying(self, batch: Batch) -> set[str]:
        """The inputs of a finished batch whose last axis has a size that differs from batch to batch."""
        staged = zip(self.stages, self.contexts(), strict=True)
        changed = [s.names(batch, context) for s, context in staged if isinstance(s, InputTransform) and s.varies]
        return {name for names in changed for name in names}

    @property
    def prefetch(self) -> int:
        return max((stage.size for stage in self.stages if isinstance(stage, Prefetch)), default=0)

    @property
    def cached(self) -> int:
        """How many stages the last cache has before it; 0 where there is none."""
        return max((i for i, stage in enumerate(self.stages) if isinstance(stage, Cache)), default=0)


class _Nothing(Stage, abstract=True):
    """Stands where a stage has no effect, so that the others keep their numbers."""


def _undropping(stage: Stage) -> Stage:
    if isinstance(stage, BatchStage):
        return BatchStage(stage.batch_size)
    return _Nothing() if isinstance(stage, Ordering) else stage


@dataclass(frozen=True)
class Replay:
    """Batches that can be gone through again and again."""

    make: Callable[[], Iterator[Batch]]

    def __iter__(self) -> Iterator[Batch]:
        return self.make()


def refuse_empty(plan: Sized, count: int) -> None:
    if not len(plan):
        raise DataError(
            f"data.pipeline: leaves no batch of the {count} examples of this split (take, skip, drop_remainder)"
        )


def transformed(batches: Iterable[Batch], functions: Sequence[Callable[[Batch], Batch]]) -> Iterator[Batch]:
    for batch in batches:
        moment = batch.moment
        for function in functions:
            batch = replace(function(batch), moment=moment)
        yield batch


class Split:
    """Examples with their pipeline. `examples` are all arrays as the source and the feature columns make them."""

    def __init__(self, examples: Batch, pipeline: Pipeline) -> None:
        self.examples, self.pipeline = examples, pipeline
        self._fixed: dict[bool, tuple[Batch, np.ndarray | Plan]] = {}
        self._functions: list[Function] | None = None
        self._rows = pipeline.plan(len(examples))
        refuse_empty(self._rows, len(examples))

    @property
    def num_examples(self) -> int:
        """Examples in one pass outside training."""
        return sum(map(len, self._rows))

    @property
    def num_batches(self) -> int:
        """Batches in one pass outside training."""
        return len(self._rows)

    def steps_per_epoch(self) -> int:
        """Batches in one pass in training, where `repeat` counts."""
        return len(self.pipeline.plan(len(self.examples), training=True))

    @property
    def sample(self) -> Batch:
        """Examples to look at, before the pipeline: all of them."""
        return self.examples

    def whole(self) -> "Split":
        """All examples in the source's order: for predictions."""
        return Split(self.examples, self.pipeline.whole())

    def labels(self) -> dict[str, np.ndarray]:
        """The labels by target, texts as their index, before the pipeline, in the order of `batches` outside
        training."""
        return self.examples.take(np.concatenate(self._rows)).targets

    def batches(self, epoch: int = 0, start: int = 0, training: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: the same ones each time for the same seed and epoch."""
        examples, elements = self._after_cache(training)
        plan = self.pipeline.plan(elements, epoch, training, first=self.pipeline.cached)
        if self._functions is None:
            self._functions = self.pipeline.functions(self.pipeline.cached)
        stream = transformed(_taken(examples, plan, epoch if training else None, start), self._functions)
        return prefetched(stream, self.pipeline.prefetch) if self.pipeline.prefetch else stream

    def _after_cache(self, training: bool) -> tuple[Batch, np.ndarray | Plan]:
        """What comes out of the last cache: examples, and the rows (or batches of rows) of them that follow."""
        if training not in self._fixed:
            end = self.pipeline.cached
            elements = self.pipeline.plan(len(self.examples), 0, training, end=end, default_batch_size=None)
            functions = self.pipeline.functions(end=end)
            whole = (self.examples, elements)
            self._fixed[training] = self._materialized(elements, functions, training) if functions else whole
        return self._fixed[training]

    def _materialized(
        self, elements: np.ndarray | Plan, functions: Sequence[Function], training: bool
    ) -> tuple[Batch, np.ndarray | Plan]:
        """The transformed examples in one piece, and where they are in it now; from the cache's file where it has
        one."""
        plan = BatchStage(_CHUNK).cut(elements, drop_remainder=False) if isinstance(elements, np.ndarray) else elements
        make = partial(_joined, self.examples, plan, functions, training)
        pipeline, end = self.pipeline, self.pipeline.cached
        cache, context = pipeline.stages[end], pipeline.contexts()[end]
        if isinstance(cache, Cache) and cache.filename is not None:
            learned = {i: pipeline.learned.get(i) for i in range(end)}
            key = key_of(self.examples, plan, pipeline.stages[:end], [learned, training], context)
            whole, bounds = stored(cache.filename, context, key, make)
        else:
            whole, bounds = make()
        rows = np.arange(len(whole))
        return whole, rows if isinstance(elements, np.ndarray) else np.split(rows, bounds[:-1])


def _taken(examples: Batch, plan: Plan, epoch: int | None, start: int = 0) -> Iterator[Batch]:
    """The batches of a plan from number `start` on, each knowing its moment where there is an epoch of training."""
    position = sum(map(len, plan[:start]))
    for rows in plan[start:]:
        yield replace(examples.take(rows), moment=None if epoch is None else Moment(epoch, position))
        position += len(rows)


def _joined(examples: Batch, plan: Plan, functions: Sequence[Function], training: bool) -> tuple[Batch, np.ndarray]:
    """The transformed batches in one piece, and where each ends."""
    parts = list(transformed(_taken(examples, plan, 0 if training else None), functions))
    try:
        whole = joined(parts)
    except ValueError as error:
        raise DataError(
            "data.pipeline: `cache` holds batches of different shapes; put it before what makes them"
        ) from error
    return whole, np.cumsum([len(part) for part in parts])
