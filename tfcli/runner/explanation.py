"""Where a value of a run's spec came from, and whether it had any effect."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tfcli.declare import Path, nearest
from tfcli.declare.functions import own_python
from tfcli.errors import SpecError, TfcliError
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.monitors import improves, is_maximized
from tfcli.runner.differences import WRITTEN_ONLY
from tfcli.runner.session import Session, assemble
from tfcli.spec.dump import dump, flow
from tfcli.spec.experiment import Experiment
from tfcli.spec.load import LoadedSpec, check_document, load_experiment
from tfcli.spec.origins import Origin, find_origin
from tfcli.spec.overrides import dotted, set_path
from tfcli.spec.walk import default_at

_STEPS = 3


@dataclass(frozen=True)
class Explanation:
    """A key of a run's resolved spec. `origin` is None for a default; `default` is None where it has none."""

    key: str
    value: Any
    origin: Origin | None
    default: Any
    effect: str
    is_required: bool = False


def explain(run: RunDirectory, key: str, trust: bool = False, try_it: bool = True) -> Explanation:
    """Look the dotted `key` up in the run's spec. With `try_it` the default is trained for three steps beside it.

    `trust`: Python that the run's spec names may run. Raises InvalidSpec for an unknown key, CheckpointError.
    """
    with own_python(run.path, trust):
        loaded = load_experiment(run.spec_path)
        path, value = _look_up(loaded, key)
        default = default_at(Experiment, loaded.document.value, path)
        origin = find_origin(run.origins(), path)
        other = _with_default(loaded, path)
        effect = _recorded(run, loaded.experiment, dotted(path))
        if other is None:
            effect = effect or "it must be given: there is no default to compare with"
        elif effect is None and try_it:
            effect = _tried(loaded, other, value, default)
    return Explanation(dotted(path), value, origin, default, effect or "not tried", other is None)


def _look_up(loaded: LoadedSpec, key: str) -> tuple[Path, Any]:
    """The key's path and value. Assigning nothing at it finds layers by name, and says what is wrong with it."""
    path = set_path(loaded.document.copy(), key, None, "explain")
    value: Any = loaded.document.value
    for word in path:
        known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if word not in known:
            keys = list(value) if isinstance(value, dict) else []
            hint = nearest(word, keys) or (f"there are: {', '.join(map(str, keys))}" if keys else "")
            raise SpecError(f"the run's spec has no `{key}`{'; ' + hint if hint else ''}")
        value = value[word]
    return path, value


def _recorded(run: RunDirectory, experiment: Experiment, key: str) -> str | None:
    """What the run's files tell of keys that act over epochs, or not on training at all."""
    rows, train = run.metrics(), experiment.train
    if key.startswith(WRITTEN_ONLY):
        return "none on what is learned: it says what is written down"
    if key.split(".")[0] == "tune":
        return "none on this run: it is for searches"
    if run.status().get("state") != "done" and key.startswith("train."):
        return None
    if key.startswith("train.early_stopping") and train.early_stopping is not None:
        stopped = len(rows) < train.epochs
        return f"it ended training after {len(rows)} of {train.epochs} epochs" if stopped else _restored(run, train)
    if key.startswith("train.reduce_lr_on_plateau") and train.reduce_lr_on_plateau is not None:
        rates = [row["learning_rate"] for row in rows]
        lowered = sum(after < before for before, after in pairwise(rates))
        return f"it lowered the learning rate {lowered} times" if lowered else "none: it never came into play"
    if key == "train.epochs":
        return f"training ended with epoch {len(rows)}"
    if key == "train.terminate_on_nan":
        return "none: the loss was always a number"
    return None


def _restored(run: RunDirectory, train: Any) -> str:
    """Early stopping that never stopped may still have restored the best weights."""
    declared, rows = train.early_stopping, run.metrics()
    best, epoch = None, 0
    for row in rows:
        value = row.get(declared.monitor)
        if value is not None and improves(value, best, is_maximized(declared.monitor, declared.mode)):
            best, epoch = value, row["epoch"]
    if declared.restore_best_weights and epoch < len(rows):
        return f"it never stopped training, but took the weights back to those of epoch {epoch}"
    return f"none: all {len(rows)} epochs were trained"


def _tried(loaded: LoadedSpec, other: LoadedSpec, value: Any, default: Any) -> str:
    """Train a few steps with the value and, in `other`, with its default, and compare the weights."""
    if dump(other.experiment, other.root) == dump(loaded.experiment, loaded.root):
        return (
            f"none: {flow(value)} is the default" if not isinstance(value, dict | list) else "none: it is the default"
        )
    try:
        weights, loss = _after_steps(assemble(loaded))
        weights_by_default, loss_by_default = _after_steps(assemble(other))
    except TfcliError as error:
        return f"not tried: {str(error).splitlines()[0]}"
    if weights.keys() == weights_by_default.keys() and all(
        np.array_equal(weights[name], weights_by_default[name], equal_nan=True) for name in weights
    ):
        return f"none in the first {_STEPS} steps: with the default, {flow(default)}, the weights are the same"
    return f"after {_STEPS} steps the loss is {loss:.4g}, with the default, {flow(default)}, {loss_by_default:.4g}"


def _with_default(loaded: LoadedSpec, path: Path) -> LoadedSpec | None:
    """The same spec without the value; None where it needs it."""
    document = loaded.document.copy()
    holder: Any = document.value
    for word in path[:-1]:
        holder = holder[word]
    if isinstance(holder, list):
        return None
    del holder[path[-1]]
    experiment, problems = check_document(Experiment, document)
    if problems:
        return None
    experiment.name = experiment.name or loaded.experiment.name
    return LoadedSpec(experiment, document, loaded.root)


def _after_steps(session: Session) -> tuple[dict[str, np.ndarray], float]:
    """The weights after the first steps, and the loss of the last of them."""
    loss, steps = float("nan"), 0
    while steps < _STEPS:
        for batch in session.data.train.batches(0, 0, training=True):
            loss = session.trainer.train_batch(batch)
            steps += 1
            if steps == _STEPS:
                break
    return {weight.path: np.array(weight.array) for weight in session.network.weights}, loss
