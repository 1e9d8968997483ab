"""Permutation importance: how much worse a model gets when one column is shuffled over the examples.

(Breiman: Random Forests, 2001; Fisher, Rudin, Dominici: All Models are Wrong, but Many are Useful, 2019)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tfcli.data.table import Table
from tfcli.runner.session import Session

_MOST_EXAMPLES = 2000
_MOST_COLUMNS = 64
_REPEATS = 3


@dataclass(frozen=True)
class Importance:
    """By how much the loss rises without a column: the mean over the shufflings, and their standard deviation."""

    column: str
    rise: float
    spread: float


def importances(session: Session, table: Table) -> list[Importance]:
    """Of each feature column, the most important first; of inputs (N, K) each of the K. Empty where there is but one
    column, or more than 64."""
    rng = np.random.Generator(np.random.Philox(key=session.experiment.seed))
    if len(table) > _MOST_EXAMPLES:
        table = table.select(np.sort(rng.choice(len(table), _MOST_EXAMPLES, replace=False)))
    places = list(_places(table))
    if not 1 < len(places) <= _MOST_COLUMNS:
        return []
    before = _loss(session, table)
    found = []
    for name, index in places:
        rises = [_loss(session, _shuffled(table, name, index, rng)) - before for _ in range(_REPEATS)]
        label = name if index is None else f"{name}[{index}]"
        found.append(Importance(label, float(np.mean(rises)), float(np.std(rises))))
    return sorted(found, key=lambda item: -item.rise)


def _places(table: Table) -> Iterator[tuple[str, int | None]]:
    for name in table.features:
        array = table.columns[name]
        if array.ndim == 1:
            yield name, None
        elif array.ndim == 2:
            yield from ((name, index) for index in range(array.shape[1]))


def _shuffled(table: Table, name: str, index: int | None, rng: np.random.Generator) -> Table:
    column = table.columns[name].copy()
    place = slice(None) if index is None else (slice(None), index)
    column[place] = column[place][rng.permutation(len(column))]
    return replace(table, columns=table.columns | {name: column})


def _loss(session: Session, table: Table) -> float:
    return float(session.trainer.evaluate(session.data.examples(table).batches())["loss"])
