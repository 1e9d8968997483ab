"""Which learning rate suits a model: the loss while the rate rises from step to step.

(Smith: Cyclical Learning Rates for Training Neural Networks, 2017)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfcli.data.stage import Batch
from tfcli.runner.session import Session, assemble
from tfcli.spec.load import load_experiment

_SMOOTHING = 0.9
_DIVERGED = 4.0
"""A loss so many times the least one, and the search is over."""
_FEWEST = 5
_SETTLING = 15


@dataclass(frozen=True)
class RateSearch:
    """Learning rates (N,), the loss of a batch at each, the same smoothed, and the rate suggested, if any is."""

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float | None


def search_rates(
    spec: Path, overrides: list[str], steps: int = 100, low: float = 1e-6, high: float = 1.0
) -> RateSearch:
    """Train up to `steps` steps on weights that are thrown away, the rate rising from `low` to `high` evenly in its
    logarithm. Raises TfcliError."""
    # A schedule would rule the rate: a number takes its place.
    session = assemble(load_experiment(spec, [*overrides, f"optimizer.learning_rate={low:.17g}"]))
    rates = np.geomspace(low, high, steps)
    losses: list[float] = []
    for rate, batch in zip(rates, _endless(session), strict=False):
        losses.append(_loss_at(session, float(rate), batch))
        smooth = _smoothed(losses)
        if not np.isfinite(losses[-1]) or (len(losses) > _FEWEST and smooth[-1] > _DIVERGED * smooth.min()):
            break
    smooth = _smoothed(losses)
    return RateSearch(rates[: len(losses)], np.array(losses), smooth, _suggested(rates[: len(losses)], smooth))


def _endless(session: Session) -> Iterator[Batch]:
    epoch = 0
    while True:
        yield from session.data.train.batches(epoch, training=True)
        epoch += 1


def _loss_at(session: Session, rate: float, batch: Batch) -> float:
    """The loss of a batch before a step with this rate."""
    session.trainer.set_learning_rate(rate)
    session.trainer.reset_metrics()
    return session.trainer.train_batch(batch)


def _smoothed(losses: list[float]) -> np.ndarray:
    """An exponential moving average, without the pull of its beginning."""
    average, found = 0.0, []
    for i, loss in enumerate(losses, 1):
        average = _SMOOTHING * average + (1 - _SMOOTHING) * loss
        found.append(average / (1 - _SMOOTHING**i))
    return np.array(found)


def _suggested(rates: np.ndarray, smooth: np.ndarray) -> float | None:
    """Where the loss falls most steeply on its way to the least one; None where it does not fall.

    The first steps do not count: an average of few losses moves with each of them.
    """
    begin = min(_SETTLING, len(smooth) // 4)
    finite = smooth[np.isfinite(smooth)]
    end = int(finite.argmin()) + 1 if len(finite) else 0
    if end - begin < _FEWEST:
        return None
    slopes = np.gradient(smooth[begin:end], np.log(rates[begin:end]))
    steepest = int(slopes.argmin())
    return float(f"{rates[begin + steepest]:.2g}") if slopes[steepest] < 0 else None
