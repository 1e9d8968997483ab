"""Session: the data, the network and the trainer that a spec describes, put together and checked against each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data import persist
from tfcli.data.prepared import PreparedData, prepare, restore
from tfcli.declare import Path as SpecPath
from tfcli.declare import Problem, nearest
from tfcli.declare.functions import functions_in
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.ir import Graph
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.errors import DtypeError, ShapeError, SpecError
from tfcli.logging.durable import write_bytes
from tfcli.logging.run_directory import RunDirectory
from tfcli.logging.tensors import load_tensors
from tfcli.models.layers.base import Weight
from tfcli.models.layers.policy import as_policy
from tfcli.models.network import Examples, ModelError, Network
from tfcli.models.trainer import Head, Trainer, make_heads
from tfcli.spec.diagnostics import InvalidSpec, locate
from tfcli.spec.dump import resolve_path
from tfcli.spec.experiment import Experiment
from tfcli.spec.load import LoadedSpec

LAYERS = "layers"
"""The folder of a run's preprocessing/ with what layers learned."""


@dataclass
class Session:
    """Everything that a spec describes, ready to train, evaluate or predict."""

    loaded: LoadedSpec
    data: PreparedData
    trainer: Trainer

    @property
    def experiment(self) -> Experiment:
        return self.loaded.experiment

    @property
    def network(self) -> Network:
        return self.trainer.network

    def save_preprocessing(self, directory: Path) -> None:
        """Write what stages and layers learned before training."""
        learned = self.network.learned()
        if learned:
            persist.save(learned, directory / LAYERS, write_bytes)
        self.data.save(directory, write_bytes)

    def reported(self) -> list[str]:
        """The names that an epoch reports."""
        own = list(self.trainer.metrics())
        return [*own, *(f"val_{name}" for name in own)] if self.experiment.has_validation else own


def assemble(loaded: LoadedSpec, learned: Path | None = None) -> Session:
    """Read the data, build the model, and check that they fit. `learned`: a run's preprocessing/, used instead of
    adapting anew.

    Raises InvalidSpec with places in the spec, DataError.
    """
    experiment: Experiment = loaded.experiment
    floatx = as_policy(experiment.precision).dtype
    if learned is None:
        data = prepare(experiment.data, loaded.root, experiment.seed, floatx)
    else:
        data = restore(experiment.data, loaded.root, experiment.seed, learned)
    inputs = {name: _spec(item) for name, item in data.inputs.items()}
    targets = {name: _spec(item) for name, item in data.targets.items()}
    try:
        with functions_in(loaded.root):
            network = Network(
                experiment.model, inputs, experiment.seed, experiment.precision, _examples(data), _learned(learned)
            )
    except ModelError as error:
        raise located(loaded, error.problems) from error
    try:
        heads = make_heads(network, targets, experiment.loss, experiment.loss_weights, experiment.metrics)
    except (SpecError, ShapeError) as error:
        raise loaded.error_at(("loss",), str(error)) from error
    _freeze(loaded, network)
    _load_initial_weights(loaded, network)
    if network.policy.scales_loss:
        experiment.optimizer.scale_dynamically()
    trainer = Trainer(
        network,
        heads,
        experiment.optimizer,
        experiment.seed,
        experiment.train.class_weight,
        experiment.execution == "eager",
    )
    session = Session(loaded, data, trainer)
    _check_loss(loaded, trainer, heads, targets)
    _check_names(session)
    _check_class_weight(session)
    _check_class_numbers(session)
    return session


def _examples(data: PreparedData) -> Examples:
    """The training split's inputs, for layers that learn before training."""
    return lambda: (batch.inputs for batch in data.train.batches())


def _learned(preprocessing: Path | None) -> dict[str, Any]:
    """What layers learned in the run that `preprocessing` belongs to."""
    layers = preprocessing / LAYERS if preprocessing is not None else None
    return persist.load(layers) if layers is not None and layers.is_dir() else {}


def located(loaded: LoadedSpec, problems: Iterable[Problem]) -> InvalidSpec:
    """Problems found after loading, shown in the spec."""
    listed = list(problems)
    return InvalidSpec([locate(loaded.document, problem) for problem in listed], listed)


def _spec(item: Any) -> TensorSpec:
    return TensorSpec(Shape((None, *item.shape)), item.dtype)


def _check_loss(loaded: LoadedSpec, trainer: Trainer, heads: list[Head], targets: Mapping[str, TensorSpec]) -> None:
    """Compute loss and metrics once on symbols, so that labels that do not fit are found before anything is written."""
    graph = Graph("check")
    with tracing(graph), recording([]):
        inputs = {name: graph.placeholder(spec) for name, spec in trainer.network.inputs.items()}
        labels = {head.target: graph.placeholder(targets[head.target]) for head in heads}
        try:
            trainer.trace(inputs, labels)
        except (ShapeError, DtypeError) as error:
            raise loaded.error_at(("loss",), str(error)) from error


def _freeze(loaded: LoadedSpec, network: Network) -> None:
    """Mark the layers that `train.freeze` names; a pattern that names none is a problem."""
    problems = []
    for i, pattern in enumerate(loaded.experiment.train.freeze):
        chosen = [layer for layer in network.layers if fnmatchcase(layer.path, pattern)]
        chosen += [layer for layer in network.layers if layer.path.startswith(f"{pattern}/")]
        if not chosen:
            hint = nearest(pattern, [layer.path for layer in network.layers])
            problems.append(Problem(("train", "freeze", i), f"no layer is called `{pattern}`", hint))
        for layer in chosen:
            layer.trainable = False
    if problems:
        raise located(loaded, problems)


def _load_initial_weights(loaded: LoadedSpec, network: Network) -> None:
    origin = loaded.experiment.train.initial_weights
    if origin is None:
        return
    from tfcli.runner.keras_weights import SUFFIXES, load_keras_weights

    path = Path(resolve_path(origin, loaded.root))
    file = RunDirectory(path).weights_path if path.is_dir() else path
    at: SpecPath = ("train", "initial_weights")
    if not file.is_file():
        raise loaded.error_at(at, f"there is no weights file {origin}", "paths are relative to the spec's folder")
    if file.suffix not in (".safetensors", *SUFFIXES):
        hint = "give a .safetensors, .keras or .weights.h5 file, or a run directory"
        raise loaded.error_at(at, f"{file.name} is no weights file", hint)
    try:
        arrays = load_keras_weights(file, network) if file.suffix in SUFFIXES else load_tensors(file)
        network.load_weights(arrays, str(origin))
    except SpecError as error:
        raise loaded.error_at(at, str(error)) from error


def _check_names(session: Session) -> None:
    """What `monitor` keys name must be reported."""
    train, names = session.experiment.train, session.reported()
    monitors: dict[SpecPath, str | None] = {
        ("train", key, "monitor"): getattr(getattr(train, key), "monitor", None)
        for key in ("early_stopping", "reduce_lr_on_plateau", "checkpoint")
    }
    problems = _embedding_problems(session)
    for place, name in monitors.items():
        if name is not None and name not in names:
            hint = nearest(name, names) or f"reported are: {', '.join(names)}"
            if name.startswith("val_") and session.data.validation is None:
                hint = "there is no validation data: add `split: {validation: 0.2}` under `data`, or monitor `loss`"
            problems.append(Problem(place, f"`{name}` is not reported by this experiment", hint))
    if problems:
        raise located(session.loaded, problems)


def embedding_weight(network: Network, name: str) -> Weight | None:
    """The table of vectors of the layer at the path `name`; None where there is no such layer or it has none."""
    found = [w for layer in network.layers if layer.path == name for w in layer.weights]
    return next((w for w in found if w.path.endswith("/embeddings")), None)


def _embedding_problems(session: Session) -> list[Problem]:
    """What `train.tensorboard.embeddings` names must be layers with embeddings."""
    declared, network = session.experiment.train.tensorboard, session.network
    paths = [layer.path for layer in network.layers]
    known = [path for path in paths if embedding_weight(network, path) is not None]
    problems = []
    for i, name in enumerate(declared.embeddings if declared else []):
        if name not in known:
            what = "has no embeddings" if name in paths else "is no layer of the model"
            there = f"there are: {', '.join(known)}" if known else "the model has no embedding layer"
            place = ("train", "tensorboard", "embeddings", i)
            problems.append(Problem(place, f"`{name}` {what}", nearest(name, known) or there))
    return problems


def _check_class_numbers(session: Session) -> None:
    """Labels that stand for classes are whole numbers."""
    numbered = [head for head in session.trainer.heads if head.loss is not None and head.loss.takes_labels]
    targets = {
        head.target: head.loss.type_name
        for head in numbered
        if head.loss and _spec(session.data.targets[head.target]).dtype.is_floating
    }
    batch = next(iter(session.data.train.batches())) if targets else None
    for target, loss_name in targets.items():
        labels = np.asarray(batch.targets[target])  # type: ignore[union-attr]
        wrong = labels[labels != np.floor(labels)]
        if wrong.size:
            raise session.loaded.error_at(
                ("loss",),
                f"the label `{target}` has {wrong.flat[0]:g}, but `{loss_name}` takes class numbers 0, 1, 2, …",
                "for amounts use a loss such as mean_squared_error; for one probability a class use "
                "categorical_crossentropy",
            )


def _check_class_weight(session: Session) -> None:
    """A weight is for a class that the model can tell."""
    weights, heads = session.experiment.train.class_weight, session.trainer.heads
    if not weights or len(heads) != 1 or heads[0].loss is None or "crossentropy" not in heads[0].loss.type_name:
        return
    size = session.network.output_specs[heads[0].output].shape[-1] or 0
    last = max(size, 2) - 1
    problems = [
        Problem(("train", "class_weight", number), f"there is no class {number}", f"they are 0 to {last}", at_key=True)
        for number in weights
        if not 0 <= number <= last
    ]
    if problems:
        raise located(session.loaded, problems)
