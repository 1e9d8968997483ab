"""A few real steps of an experiment, on weights that are then thrown away: the time and the memory of training."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import prod

import numpy as np

from tfcli.data.pipeline import Split
from tfcli.data.stage import Batch
from tfcli.data.streamed import StreamedSplit
from tfcli.runner.memory import Memory, Process, Watch, memory_of
from tfcli.runner.session import Session
from tfcli.runner.summary import drawn_heads

_TIMED_STEPS = 5
_WRITING_BYTES = 7 << 20
_CURVES_BYTES = 3 << 20
_PICTURES_BYTES = 36 << 20
"""What importing and using takes: what writes the run's files, pillow for the curves, and matplotlib for all other
pictures. Measured."""
_BYTES_AN_OUTPUT = 16
"""What is kept of an output while all of them are put together and drawn."""


@dataclass(frozen=True)
class Timing:
    """Seconds: `first` for the step that compiles, `step` for one after it, `epoch` for all steps of an epoch."""

    first: float
    step: float
    epoch: float


@dataclass(frozen=True)
class Rehearsal:
    """What was found; `warning` where the memory that training will take is not there."""

    timing: Timing
    memory: Memory
    warning: str | None


def rehearse(session: Session) -> Rehearsal:
    """Train and validate on a few batches. Raises TrainingError where they would take more memory than there is."""
    train = session.data.train
    steps = session.experiment.train.steps_per_epoch or train.steps_per_epoch()
    session.trainer.expect_steps(steps)
    if isinstance(session.data.validation, Split):
        session.trainer.expect_tests(session.data.validation.num_batches)
    watch, seconds = Watch(session), []
    for batch in islice(_endless(train), _TIMED_STEPS):
        watch.before_step(batch)
        seconds.append(_trained(session, batch))
    memory = memory_of(session, batch)
    for sized in _shapes(train, batch):
        _trained(session, sized)
    for sized in _shapes(session.data.validation, batch):
        session.trainer.test_batch(sized)
    step = float(np.median(seconds[1:]))
    memory = replace(memory, peak=_peak(session, memory))
    return Rehearsal(Timing(seconds[0], step, step * steps), memory, watch.warning(memory.peak))


def _trained(session: Session, batch: Batch) -> float:
    started = time.perf_counter()
    session.trainer.train_batch(batch)
    return time.perf_counter() - started


def _endless(split: Split | StreamedSplit) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from split.batches(epoch, training=True)
        epoch += 1


def _shapes(split: Split | StreamedSplit | None, batch: Batch) -> Iterator[Batch]:
    """Batches of the sizes that a split has, made of `batch`: the last one of a pass may be smaller than the others."""
    if split is None:
        return
    yield batch
    rest = split.num_examples % len(batch) if isinstance(split, Split) else 0
    if rest:
        yield batch.take(np.arange(rest))


def _peak(session: Session, memory: Memory) -> int:
    """What the rehearsal took at its most, with the checkpoint; or what the pictures take at the end."""
    process = Process.now()
    best = session.experiment.train.early_stopping
    kept = memory.weights if best is not None and best.restore_best_weights else 0
    return kept + _WRITING_BYTES + max(process.peak + memory.saved, process.resident + _picture_bytes(session))


def _picture_bytes(session: Session) -> int:
    split, heads = session.data.test or session.data.validation, drawn_heads(session)
    if split is None or not heads:
        return _CURVES_BYTES
    entries = sum(prod(n or 1 for n in session.network.output_specs[head.output].shape[1:]) for head in heads)
    return _CURVES_BYTES + _PICTURES_BYTES + _BYTES_AN_OUTPUT * entries * split.num_examples
