"""Trainer: a network with its losses, metrics and optimizer, and the traced steps that train, evaluate and predict."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from tfcli.engine import nest
from tfcli.engine.function import ConcreteFunction, Function, function
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.random import RandomScope
from tfcli.engine.ops.shape import shape
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, Variable, as_array
from tfcli.errors import SpecError
from tfcli.models.layers.base import calling
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.network import Network
from tfcli.models.objective import Head, Objective, descend
from tfcli.models.optimizers import Optimizer


class Batch(Protocol):
    """Arrays of one batch, first axis examples."""

    @property
    def inputs(self) -> Mapping[str, np.ndarray]: ...

    @property
    def targets(self) -> Mapping[str, np.ndarray]: ...

    @property
    def weights(self) -> np.ndarray | None: ...


class Trainer:
    """Trains, evaluates and predicts batch by batch.

    `train_batch` runs one traced step: forward, loss, backward, optimizer, metrics. Everything that a later step
    depends on is in `state()`: weights, optimizer slots, step, metrics so far. Epoch results are means over the
    examples as training saw them.
    """

    def __init__(
        self,
        network: Network,
        heads: list[Head],
        optimizer: Optimizer,
        seed: int = 0,
        class_weight: Mapping[int, float] | None = None,
        eager: bool = False,
    ) -> None:
        self.network, self.heads, self.optimizer, self.seed = network, heads, optimizer, seed
        self.objective = Objective(heads, class_weight, network.floatx)
        self.step = Variable(np.int64(0), trainable=False, name="step")
        self._weights = network.trainable_weights
        optimizer.build(self._weights)
        compiled: Callable[..., Any] = (lambda f: f) if eager else function
        self._train_step = compiled(self._train)
        self._test_step = compiled(self._test)
        self._predict_step = compiled(self._predict)
        self._steps: dict[Any, ConcreteFunction] = {}
        """The steps traced so far, by the shapes and dtypes of a batch's arrays."""
        self._input_sources = list(network.sources.values())
        self._targets = list(dict.fromkeys(h.target for h in heads))

    def expect_steps(self, steps: int) -> None:
        """How many steps an epoch of training has: with many, compiling them pays."""
        if isinstance(self._train_step, Function):
            self._train_step.expected_runs = steps

    def expect_tests(self, batches: int) -> None:
        """How many batches a pass of `evaluate` has; with many, compiling its step pays."""
        if isinstance(self._test_step, Function):
            self._test_step.expected_runs = max(batches, self._test_step.expected_runs)

    # one batch

    def train_batch(self, batch: Batch) -> float:
        """One step of training; its loss and metrics are added to those of the epoch. Returns the epoch's mean loss so
        far.
        """
        if not isinstance(self._train_step, Function):
            return float(self._train_step(*self._tensors(batch)).array)
        return float(self._run(self._train_step, self.arrays(batch), lambda: self._tensors(batch))[0])

    def _run(self, step: Function, arrays: list[np.ndarray], arguments: Callable[[], tuple[Any, ...]]) -> list[Any]:
        """The outputs of a step."""
        return self._traced(step, arrays, arguments).run(arrays)

    def _traced(
        self, step: Function, arrays: list[np.ndarray], arguments: Callable[[], tuple[Any, ...]]
    ) -> ConcreteFunction:
        """The step, which is traced with its `arguments` for the first arrays of their shapes."""
        key = (step, *[(a.shape, a.dtype) for a in arrays])
        traced = self._steps.get(key)
        if traced is None:
            traced = self._steps[key] = step.get_concrete_function(*arguments())
        return traced

    def traced_step(self, batch: Batch) -> ConcreteFunction | None:
        """The step that trains on batches like this one; None where it runs op by op."""
        if not isinstance(self._train_step, Function):
            return None
        return self._traced(self._train_step, self.arrays(batch), lambda: self._tensors(batch))

    def train_eagerly(self, batch: Batch) -> None:
        """The same step op by op, for who looks at each."""
        self._train(*self._tensors(batch))

    def arrays(self, batch: Batch) -> list[np.ndarray]:
        """The arrays of a batch in the order in which a traced step takes them."""
        inputs = self._input_arrays(batch)
        targets = [batch.targets[name] for name in self._targets]
        return [*inputs, *targets] if batch.weights is None else [*inputs, *targets, batch.weights]

    def _input_arrays(self, batch: Batch) -> list[np.ndarray]:
        return [_as_held(batch.inputs[source]) for source in self._input_sources]

    def test_batch(self, batch: Batch) -> None:
        """Add the loss and metrics of a batch, training nothing."""
        if isinstance(self._test_step, Function):
            self._run(self._test_step, self.arrays(batch), lambda: self._tensors(batch))
        else:
            self._test_step(*self._tensors(batch))

    def predict_batch(self, batch: Batch) -> dict[str, np.ndarray]:
        """The outputs for a batch, by name."""
        if isinstance(self._predict_step, Function):
            found = self._run(self._predict_step, self._input_arrays(batch), lambda: (self._inputs(batch),))
            return dict(zip(self.network.outputs, found, strict=True))
        return {name: output.numpy() for name, output in self._predict_step(self._inputs(batch)).items()}

    def trace_steps(self, batch: Batch) -> tuple[ConcreteFunction, ConcreteFunction, list[np.ndarray]]:
        """The steps that train and predict, traced for a batch, and the arrays that the first of them takes."""
        arguments = self._tensors(batch)
        arrays = [leaf.array for leaf in nest.flatten(arguments) if isinstance(leaf, Tensor)]
        training = self._train_step.get_concrete_function(*arguments)  # type: ignore[attr-defined]
        return training, self._predict_step.get_concrete_function(arguments[0]), arrays  # type: ignore[attr-defined]

    def gradients(self, batch: Batch) -> dict[str, np.ndarray]:
        """The loss's gradient in each trained weight, by its path, for a batch seen as in evaluation; nothing
        changes."""
        with self._kept(), GradientTape() as tape:
            loss, _ = self._compute_loss(*self._tensors(batch), training=False)
        found = zip(self._weights, tape.gradient(loss, self._weights), strict=True)
        return {weight.path: gradient.numpy() for weight, gradient in found if gradient is not None}

    def activations(self, batch: Batch) -> dict[str, np.ndarray]:
        """Each layer's output, by its path, for a batch seen as in evaluation; nothing changes."""
        with self._kept():
            found = self.network.activations(self._inputs(batch))
        return {path: output.numpy() for path, output in found.items()}

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Running means and states are afterwards what they were before."""
        kept = {name: v.array for name, v in self.variables()["trainer"].items()}
        yield
        for name, v in self.variables()["trainer"].items():
            v.array = kept.get(name, np.zeros_like(v.array))

    def _inputs(self, batch: Batch) -> dict[str, Tensor]:
        return {name: Tensor(_as_held(batch.inputs[source])) for name, source in self.network.sources.items()}

    def _tensors(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor | None]:
        targets = {h.target: Tensor(batch.targets[h.target]) for h in self.heads}
        return self._inputs(batch), targets, None if batch.weights is None else Tensor(batch.weights)

    # traced

    def _train(self, inputs: dict[str, Tensor], targets: dict[str, Tensor], weights: Tensor | None) -> Tensor:
        with RandomScope(self.seed, self.step.value()):
            _, outputs = descend(
                self.optimizer,
                lambda: self._compute_loss(inputs, targets, weights, training=True),
                lambda: self._weights,
            )
        self.step.assign_add(1)
        self.objective.update_metrics(targets, outputs)
        return self.objective.loss.result()

    def _test(self, inputs: dict[str, Tensor], targets: dict[str, Tensor], weights: Tensor | None) -> None:
        _, outputs = self._compute_loss(inputs, targets, weights, training=False)
        self.objective.update_metrics(targets, outputs)

    def _predict(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.network(inputs, training=False)

    def _compute_loss(
        self, inputs: dict[str, Tensor], targets: dict[str, Tensor], weights: Tensor | None, training: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the heads' losses, with every penalty; added to the running means."""
        with calling(training) as penalties:
            outputs = self.network(inputs, training=training)
        examples = cast(shape(next(iter(inputs.values())))[0], self.network.floatx)
        added = [*penalties, *self._regularization()]
        total = self.objective.compute(targets, outputs, weights, examples, added, training)
        assert total is not None, "a trainer without a loss"
        self.objective.loss.update_state(total, sample_weight=examples)
        return total, outputs

    def _regularization(self) -> list[Tensor]:
        return [w.regularizer(w.value()) for w in self._weights if w.regularizer is not None]

    def trace(self, inputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> None:
        """Compute loss and metrics on symbols.

        Raises ShapeError, DtypeError where the labels do not fit the outputs.
        """
        self._test(dict(inputs), dict(targets), None)

    # epochs

    def metrics(self) -> dict[str, Metric]:
        """Every running value by its history key, the loss first."""
        return self.objective.metrics()

    def results(self) -> dict[str, Any]:
        """The values since `reset_metrics`, by history key."""
        return {key: _plain(metric.result()) for key, metric in self.metrics().items()}

    def reset_metrics(self) -> None:
        for metric in self.metrics().values():
            metric.reset_state()

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, Any]:
        """Loss and metrics over the batches; those of an epoch under way are kept."""
        kept = {name: v.array for name, v in self._metric_variables().items()}
        self.reset_metrics()
        for batch in batches:
            self.test_batch(batch)
        results = self.results()
        for name, v in self._metric_variables().items():
            v.array = kept.get(name, np.zeros_like(v.array))
        return results

    def predict(self, batches: Iterable[Batch]) -> dict[str, np.ndarray]:
        """The outputs for all examples, by name."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.network.outputs}
        for batch in batches:
            for name, output in self.predict_batch(batch).items():
                found[name].append(output)
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def learning_rate(self) -> float:
        """What the next step uses."""
        return float(self.optimizer.current_learning_rate())

    def set_learning_rate(self, value: float) -> None:
        """Raises TfcliError where a schedule rules it."""
        self.optimizer.learning_rate = value

    # state

    def _metric_variables(self) -> dict[str, Variable]:
        return {f"{key}/{name}": v for key, m in self.metrics().items() for name, v in m.variables.items()}

    def _carried_states(self) -> dict[str, Variable]:
        """What `stateful` layers keep from batch to batch, by the layer's path."""
        layers = [inner for layer in self.network.layers for inner in layer.walk()]
        return {f"{layer.path}/{i}": v for layer in layers for i, v in enumerate(layer.carried)}

    def variables(self) -> dict[str, dict[str, Variable]]:
        """Everything that changes while training, in groups."""
        return {
            "model": {w.path: w for w in self.network.weights},
            "optimizer": dict(self.optimizer.variables),
            "trainer": {"step": self.step}
            | {f"metrics/{n}": v for n, v in self._metric_variables().items()}
            | {f"states/{n}": v for n, v in self._carried_states().items()},
        }

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """The arrays of `variables()`."""
        return {group: {name: v.array for name, v in held.items()} for group, held in self.variables().items()}

    def restore(self, state: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Set everything from what `state` gave. Raises SpecError where names differ, as after an edit of the spec."""
        for group, held in self.variables().items():
            if held.keys() != state[group].keys():
                different = ", ".join(sorted(held.keys() ^ state[group].keys())[:5])
                raise SpecError(
                    f"the checkpoint belongs to another model or optimizer: {different} are in only one of the two"
                )
            for name, v in held.items():
                v.array = np.array(state[group][name], dtype=v.dtype.numpy)


def _as_held(array: np.ndarray) -> np.ndarray:
    """The array as tensors hold it: texts as UTF-8."""
    return as_array(array) if array.dtype == object else array


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array.tolist()


def make_heads(
    network: Network,
    targets: Mapping[str, TensorSpec],
    loss: Loss | Mapping[str, Loss],
    loss_weights: Mapping[str, float] | None,
    metrics: list[Metric] | Mapping[str, list[Metric]],
) -> list[Head]:
    """Pair the network's outputs with targets (by name, else in order), losses and metrics. Raises SpecError."""
    outputs = list(network.outputs)
    many = len(outputs) > 1
    if many and metrics and not isinstance(metrics, Mapping):
        raise SpecError(
            "with several outputs, give `metrics` as {output name: [metric, …]}; "
            f"the outputs are {', '.join(outputs)}"
        )
    if len(targets) != len(outputs):
        raise SpecError(
            f"the model has {len(outputs)} outputs ({', '.join(outputs)}), "
            f"the data {len(targets)} labels ({', '.join(targets) or 'none'})"
        )
    by_name = set(targets) == set(outputs)
    heads = []
    for output, target in zip(outputs, targets, strict=True):
        target = output if by_name else target
        own = metrics.get(output, []) if isinstance(metrics, Mapping) else metrics
        resolved = [m.resolve(targets[target], network.output_specs[output]) for m in own]
        heads.append(
            Head(
                output,
                target,
                loss.get(output) if isinstance(loss, Mapping) else loss,
                (loss_weights or {}).get(output, 1.0),
                resolved,
                f"{output}_" if many else "",
            )
        )
    return heads
