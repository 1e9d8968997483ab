"""A pipeline's way through the examples.

Choosing and ordering is arithmetic on indices, done for a whole epoch beforehand; only then are batches gathered and
transformed. So an epoch can begin in its middle, and no example is touched that no batch needs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tfcli.data.stage import (
    Arranging,
    Batch,
    Context,
    Elements,
    Function,
    InputTransform,
    Moment,
    Stage,
    Transform,
    joined,
)
from tfcli.data.stages.filter import Filter
from tfcli.data.stages.flow import Keeping, Prefetch
from tfcli.data.stages.groups import DEFAULT_BATCH_SIZE, Batching, BatchStage, Filling, Unbatch, Window
from tfcli.data.stored import key_of, stored
from tfcli.data.threads import prefetched
from tfcli.errors import DataError

Plan = list[np.ndarray]
_CHUNK = 1024


def _unmeasured(stage: int) -> np.ndarray:
    raise AssertionError(f"stage {stage} must know the examples, and only their number is given")


@dataclass(frozen=True)
class Pipeline:
    """The stages, what they learned, and their surroundings."""

    stages: Sequence[Stage]
    context: Context
    learned: dict[int, Any]

    def contexts(self) -> list[Context]:
        batched, result = False, []
        filling = max((i for i, stage in enumerate(self.stages) if isinstance(stage, Filling)), default=0)
        for i, stage in enumerate(self.stages):
            where = f"data.pipeline[{i}] ({stage.type_name})"
            result.append(replace(self.context, where=where, index=i, batched=batched, filled_up=i < filling))
            batched = (batched or isinstance(stage, Batching)) and not isinstance(stage, Unbatch)
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
        refuse_empty(self.unmeasured.plan(len(examples)), len(examples))
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
        plain = self.unmeasured
        plan = plain.plan(len(examples), default_batch_size=_CHUNK)
        return transformed((examples.take(rows) for rows in plan), plain.functions())

    @property
    def unmeasured(self) -> "Pipeline":
        """The pipeline without what must know something of each example to arrange them."""
        stages = [_plainer(s) if isinstance(s, Arranging) and s.measures else s for s in self.stages]
        return replace(self, stages=stages)

    def measured(self, examples: Batch, stage: int, first: int = 0) -> np.ndarray:
        """What a stage measures of each of `examples`, of what the stages from `first` to before it make of them."""
        arranging, context = self.stages[stage], self.contexts()[stage]
        assert isinstance(arranging, Arranging), "others measure nothing"
        chunks = (examples.take(rows) for rows in BatchStage(_CHUNK).cut(np.arange(len(examples))))
        parts = [arranging.measure(b, context) for b in transformed(chunks, self.functions(first, stage))]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    def plan(
        self,
        elements: int | Elements,
        epoch: int = 0,
        training: bool = False,
        first: int = 0,
        end: int | None = None,
        default_batch_size: int | None = DEFAULT_BATCH_SIZE,
        measure: Callable[[int], np.ndarray] = _unmeasured,
    ) -> Any:
        """The rows of each batch, in order, by the stages from `first` to before `end`.

        `elements` are the rows that the stages begin with (a number: so many), or batches of them. Without a batch
        stage and `default_batch_size` the result is one array of rows. `measure` gives `measured` for the number of a
        stage.
        """
        items: Any = np.arange(elements) if isinstance(elements, int) else elements
        for i, (stage, context) in list(enumerate(zip(self.stages, self.contexts(), strict=True)))[first:end]:
            if isinstance(stage, Arranging) and (training or not stage.training_only):
                items = stage.arrange(items, context, epoch, partial(measure, i))
        if default_batch_size is not None and isinstance(items, np.ndarray):
            items = BatchStage(default_batch_size).cut(items)
        return items

    def whole(self) -> "Pipeline":
        """The pipeline without anything that chooses, orders or drops examples: for predictions, one an example."""
        return replace(self, stages=[_plainer(s) if isinstance(s, Arranging) else s for s in self.stages])

    def traced(self, examples: Batch) -> tuple[Batch, set[tuple[str, int]]]:
        """What becomes of an example or two, and which axes of an example's inputs and targets have sizes that differ
        from batch to batch."""
        plain = self.unmeasured.whole()
        batch = examples.take(plain.plan(len(examples))[0][:2])
        varying: set[tuple[str, int]] = set()
        for i, (stage, context) in enumerate(zip(plain.stages, plain.contexts(), strict=True)):
            if isinstance(stage, Filling):
                varying |= {(name, axis) for name, axes in stage.open_axes(batch).items() for axis in axes}
            for function in plain.functions(i, i + 1):
                batch = function(batch)
            if isinstance(stage, InputTransform) and stage.varies:
                varying |= {(name, -1) for name in stage.names(batch, context)}
        return batch, {(name, axis) for name, axis in varying if name in batch.inputs or name in batch.targets}

    @property
    def prefetch(self) -> int:
        return max((stage.size for stage in self.stages if isinstance(stage, Prefetch)), default=0)

    @property
    def cached(self) -> int:
        """How many stages the last cache has before it; 0 where there is none."""
        return max((i for i, stage in enumerate(self.stages) if isinstance(stage, Keeping)), default=0)


class _Nothing(Stage, abstract=True):
    """Stands where a stage has no effect, so that the others keep their numbers."""


def _plainer(stage: Arranging) -> Stage:
    """What leaves all examples where they are."""
    if isinstance(stage, Batching):
        return stage.without_dropping
    return stage if isinstance(stage, Unbatch | Window) else _Nothing()


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
        self._measured: dict[tuple[int, int], np.ndarray] = {}
        self._rows = pipeline.plan(len(examples), measure=partial(self._measure, examples, 0))
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
        measure = partial(self._measure, self.examples, 0)
        return len(self.pipeline.plan(len(self.examples), training=True, measure=measure))

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

    def _measure(self, examples: Batch, first: int, stage: int) -> np.ndarray:
        """`Pipeline.measured`, each time the same; `examples` are `self.examples`, or what a cache keeps."""
        key = (id(examples), stage)
        if key not in self._measured:
            self._measured[key] = self.pipeline.measured(examples, stage, first)
        return self._measured[key]

    def batches(self, epoch: int = 0, start: int = 0, training: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on: the same ones each time for the same seed and epoch."""
        examples, elements = self._after_cache(training)
        cached = self.pipeline.cached
        plan = self.pipeline.plan(
            elements, epoch, training, first=cached, measure=partial(self._measure, examples, cached)
        )
        if self._functions is None:
            self._functions = self.pipeline.functions(cached)
        stream = transformed(_taken(examples, plan, epoch if training else None, start), self._functions)
        return prefetched(stream, self.pipeline.prefetch) if self.pipeline.prefetch else stream

    def _after_cache(self, training: bool) -> tuple[Batch, np.ndarray | Plan]:
        """What comes out of the last cache: examples, and the rows (or batches of rows) of them that follow."""
        if training not in self._fixed:
            end = self.pipeline.cached
            measure = partial(self._measure, self.examples, 0)
            elements = self.pipeline.plan(
                len(self.examples), 0, training, end=end, default_batch_size=None, measure=measure
            )
            functions = self.pipeline.functions(end=end)
            whole = (self.examples, elements)
            self._fixed[training] = self._materialized(elements, functions, training) if functions else whole
        return self._fixed[training]

    def _materialized(
        self, elements: np.ndarray | Plan, functions: Sequence[Function], training: bool
    ) -> tuple[Batch, np.ndarray | Plan]:
        """The transformed examples in one piece, and where they are in it now; from the cache's file where it has
        one."""
        plan = BatchStage(_CHUNK).cut(elements) if isinstance(elements, np.ndarray) else elements
        make = partial(_joined, self.examples, plan, functions, training)
        pipeline, end = self.pipeline, self.pipeline.cached
        cache, context = pipeline.stages[end], pipeline.contexts()[end]
        if isinstance(cache, Keeping) and cache.file is not None:
            learned = {i: pipeline.learned.get(i) for i in range(end)}
            key = key_of(self.examples, plan, pipeline.stages[:end], [learned, training], context)
            whole, bounds = stored(cache.file, context, key, make)
        else:
            whole, bounds = make()
        rows = np.arange(len(whole))
        return whole, rows if isinstance(elements, np.ndarray) else np.split(rows, bounds[:-1])


def _taken(examples: Batch, plan: Plan, epoch: int | None, start: int = 0) -> Iterator[Batch]:
    """The batches of a plan from number `start` on, each knowing its moment where there is an epoch of training."""
    position = sum(map(len, plan[:start]))
    for rows in plan[start:]:
        yield examples.take(rows, None if epoch is None else Moment(epoch, position))
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
