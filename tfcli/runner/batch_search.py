"""Which batch size suits a model: examples a second and memory for each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfcli.data.stage import Stage
from tfcli.data.stages.groups import Batching, BucketBySequenceLength
from tfcli.runner.memory import Process
from tfcli.runner.session import Session, assemble
from tfcli.spec.dump import flow
from tfcli.spec.load import load_experiment

_NEARLY = 0.9
"""A size that gives this share of the best rate is as good."""


@dataclass(frozen=True)
class BatchSize:
    """How fast training is with a batch size, and the most memory that the process has held so far, in bytes."""

    size: int
    examples_per_second: float
    step_seconds: float
    memory: int


def search_batch_sizes(
    spec: Path, overrides: list[str], low: int = 8, high: int = 4096, seconds: float = 0.5
) -> Iterator[BatchSize]:
    """Measure sizes from `low`, doubling up to `high` or all the examples, for about `seconds` each, on weights that
    are thrown away. Raises TfcliError."""
    size = low
    while size <= high:
        session = assemble(load_experiment(spec, [*overrides, _override(spec, overrides, size)]))
        yield _measured(session, size, seconds)
        if session.data.train.num_batches == 1 or size >= session.data.train.num_examples:
            return
        size *= 2


def suggested(found: list[BatchSize]) -> int:
    """The smallest size that is nearly as fast as the fastest: small batches make more of each epoch."""
    best = max(item.examples_per_second for item in found)
    return next(item.size for item in found if item.examples_per_second >= _NEARLY * best)


def _override(spec: Path, overrides: list[str], size: int) -> str:
    """What sets the batch size: the stage that makes batches with another one, or a pipeline with `batch` at its
    end."""
    document = load_experiment(spec, overrides).document.value
    stages = list((document.get("data") or {}).get("pipeline") or [])
    for i, stage in enumerate(stages):
        node = {"type": stage} if isinstance(stage, str) else stage
        assert Stage.registry is not None
        kind = Stage.registry.find(node.get("type", ""))
        if kind is not None and issubclass(kind, Batching):
            return f"data.pipeline.{i}={flow({**node, **_sizes(node, kind, size)})}"
    return f"data.pipeline={flow([*stages, {'type': 'batch', 'batch_size': size}])}"


def _sizes(node: dict[str, Any], kind: type[Batching], size: int) -> dict[str, Any]:
    """The keys of a stage that say how large its batches are. Of buckets the largest batches have that size, the
    others are in proportion."""
    if not issubclass(kind, BucketBySequenceLength):
        return {"batch_size": size}
    given = node["bucket_batch_sizes"]
    return {"bucket_batch_sizes": [max(1, round(own * size / max(given))) for own in given]}


def _measured(session: Session, size: int, seconds: float) -> BatchSize:
    """The first step of each shape, which traces and compiles, does not count."""
    shapes: set[tuple[tuple[int, ...], ...]] = set()
    epoch, steps, examples, passed = 0, 0, 0, 0.0
    while True:
        for batch in session.data.train.batches(epoch, training=True):
            started = time.perf_counter()
            session.trainer.train_batch(batch)
            shape = tuple(array.shape for array in batch.inputs.values())
            if shape in shapes:
                steps, examples, passed = steps + 1, examples + len(batch), passed + time.perf_counter() - started
            shapes.add(shape)
            if passed >= seconds and steps > 1:
                return BatchSize(size, examples / passed, passed / steps, Process.now().peak)
        epoch += 1
