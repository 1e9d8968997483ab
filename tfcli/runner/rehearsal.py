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
    watch, seconds = Watch(session), []
    for batch in islice(_endless(train), _TIMED_STEPS):
        watch.before_step(batch)
        seconds.append(_trained(session, batch))
    memory = memory_of(session, batch)
    for last in _smaller(train, len(batch), steps):
        _trained(session, last)
    for validation in _ends(session.data.validation):
        session.trainer.test_batch(validation)
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


def _smaller(split: Split | StreamedSplit, usual: int, steps: int) -> Iterator[Batch]:
    """The last batch of an epoch, which is a step of its own where it is smaller than the others."""
    if not isinstance(split, Split) or split.num_batches > steps:
        return
    for batch in split.batches(start=split.num_batches - 1):
        if len(batch) != usual:
            yield batch


def _ends(split: Split | StreamedSplit | None) -> Iterator[Batch]:
    """The first batch of a split and, where it is in memory, the last."""
    if split is None:
        return
    yield from islice(split.batches(), 1)
    if isinstance(split, Split) and split.num_batches > 1:
        yield from split.batches(start=split.num_batches - 1)


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
