"""Fitting: compile, fit, evaluate and predict, over steps that a model's class may override."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.function import function
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.shape import shape
from tfcli.engine.tensor import Tensor, Variable, constant, convert_to_tensor
from tfcli.errors import DataError, SpecError, TrainingError
from tfcli.models.batches import (
    Batches,
    as_arrays,
    as_tensors,
    make_batches,
    pack_x_y_sample_weight,
    split_off,
    unpack_x_y_sample_weight,
)
from tfcli.models.callbacks import Callback, CallbackList, History, ProgbarLogger
from tfcli.models.compiled import Compiled, CompiledMetrics, by_output
from tfcli.models.layers.state import settings
from tfcli.models.logs import Logs, flatten_logs, sorted_logs
from tfcli.models.metrics import Mean, Metric
from tfcli.models.nodes import make
from tfcli.models.objective import Objective, descend
from tfcli.models.optimizers import Optimizer


class Fitting:
    """What a model can do once `compile` has told it how. Mixed into Model."""

    compiled = False
    stop_training = False
    optimizer: Any = None
    loss: Any = None
    run_eagerly = False
    objective: Objective | None = None
    """The losses and metrics, from the first batch on."""
    initial_epoch = 0
    history: History | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train: names, objects or functions, for several outputs lists or dicts of them.

        `run_eagerly` runs the steps as they are written, untraced. Traced steps are always compiled and take one batch,
        so `jit_compile` and `steps_per_execution` change nothing. `auto_scale_loss`: under the policy mixed_float16
        the optimizer scales the loss. Raises DeclarationError for names that do not exist.
        """
        self.optimizer = make(Optimizer, optimizer)
        if auto_scale_loss and settings.policy.scales_loss:
            self.optimizer.scale_dynamically()
        self.loss, self.run_eagerly, self.auto_scale_loss = loss, run_eagerly, auto_scale_loss
        self._given = Compiled(loss, loss_weights, metrics, weighted_metrics)
        self._given.check()
        self.objective = None
        self._loss_tracker = Mean(name="loss")
        self._compiled_metrics = CompiledMetrics(self)  # type: ignore[arg-type]
        self._functions: dict[str, Callable[..., Any]] = {}
        self.compiled = True

    # what a subclass may override

    def train_step(self, data: Any) -> Logs:
        """One step of training on a batch; what it returns is reported. Traced once for each shape of batch."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)

        def forward() -> tuple[Tensor, Any]:
            y_pred = self(x, training=True)  # type: ignore[operator]
            return self.compute_loss(x, y, y_pred, sample_weight, True), y_pred

        loss, y_pred = descend(self.optimizer, forward, lambda: self.trainable_weights)  # type: ignore[attr-defined]
        self._loss_tracker.update_state(loss, sample_weight=_examples(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> Logs:
        """Loss and metrics of a batch, training nothing."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, False)
        self._loss_tracker.update_state(loss, sample_weight=_examples(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        return self(unpack_x_y_sample_weight(data)[0], training=False)  # type: ignore[operator]

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The compiled losses and all that layers added. Raises TrainingError where there is neither."""
        objective = self._bind(y, y_pred)
        outputs, targets, weights = self._by_output(y, y_pred, sample_weight)
        examples = _examples(y_pred if x is None else x)
        total = objective.compute(targets, outputs, weights, examples, self.losses)  # type: ignore[attr-defined]
        if total is None:
            raise TrainingError(
                "there is nothing to minimise: give compile a loss (and fit the targets), or call add_loss"
            )
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Add the batch to the compiled metrics, and return all results so far."""
        self._compiled_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    @property
    def metrics(self) -> list[Metric]:
        """The running values, which every epoch starts anew: the loss, the compiled metrics, and those set as
        attributes.
        """
        objective = self.objective
        inner = [m for layer in self.sublayers() for m in layer.metrics]  # type: ignore[attr-defined]
        own = [m for m in (*self.held(Metric), *inner) if m.name is not None]  # type: ignore[attr-defined]
        if not self.compiled:
            return own
        compiled: list[Metric] = [self._loss_tracker]
        if self._given.metrics or self._given.weighted_metrics:
            compiled.append(self._compiled_metrics)  # type: ignore[arg-type]
        if objective is not None and self._given.loss is not None:
            compiled += objective.head_losses
        listed = {id(m) for m in (*compiled, self._compiled_metrics)}
        return [*compiled, *(m for m in own if id(m) not in listed)]

    @property
    def metrics_names(self) -> list[str]:
        return [str(metric.name) for metric in self.metrics]

    def get_metrics_result(self) -> Logs:
        return flatten_logs({metric.name: metric.result() for metric in self.metrics})

    def reset_metrics(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    # the compiled losses and metrics

    def _bind(self, y: Any, y_pred: Any) -> Objective:
        """The losses and metrics, made for outputs and targets like these when they are first seen."""
        self._require_compiled()
        if self.objective is None or (y is not None and not self._bound_to_targets):
            self.objective = self._given.objective(self.output_names, y, y_pred)  # type: ignore[attr-defined]
            self._bound_to_targets = y is not None
        return self.objective

    _bound_to_targets = False

    def _by_output(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[dict[str, Any], dict[str, Any], Any]:
        names = self.output_names  # type: ignore[attr-defined]
        outputs = by_output(y_pred, names)
        targets = {} if y is None else by_output(y, names, outputs)
        if isinstance(sample_weight, list | tuple | Mapping):
            sample_weight = by_output(sample_weight, names, outputs)
        return outputs, targets, sample_weight

    def update_compiled_metrics(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        objective = self._bind(y, y_pred)
        outputs, targets, weights = self._by_output(y, y_pred, sample_weight)
        objective.update_metrics(targets, outputs, weights)

    @property
    def compiled_metrics(self) -> CompiledMetrics:
        """The compiled metrics as one, for training steps of a subclass's own."""
        return self._compiled_metrics

    def compiled_loss(
        self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Sequence[Tensor] = ()
    ) -> Tensor:
        """The compiled losses alone, with what is given; for training steps of a subclass's own."""
        objective = self._bind(y, y_pred)
        outputs, targets, weights = self._by_output(y, y_pred, sample_weight)
        loss = objective.compute(targets, outputs, weights, _examples(y_pred), list(regularization_losses))
        if loss is None:
            raise TrainingError("there is nothing to minimise: give compile a loss")
        self._loss_tracker.update_state(loss, sample_weight=_examples(y_pred))
        return loss

    def _require_compiled(self) -> None:
        if not self.compiled:
            raise SpecError(f"{self.name}: call compile(optimizer, loss) before training or evaluating")  # type: ignore[attr-defined]

    def _run(self, kind: str, data: Any) -> Any:
        """A step of this kind on a batch."""
        functions = self.__dict__.setdefault("_functions", {})
        if kind not in functions:
            step = getattr(self, f"{kind}_step")
            functions[kind] = step if self.run_eagerly else function(step)
        return functions[kind](data)

    # over data

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train for `epochs` epochs, and return the history.

        x, y and sample_weight are arrays or structures of them; or x gives batches: a dataset, a PyDataset, generator.
        Raises DataError, TrainingError.
        """
        self._require_compiled()
        if validation_split and validation_data is None:
            arrays = (as_arrays(x), as_arrays(y), as_arrays(sample_weight))
            (x, y, sample_weight), validation_data = split_off(arrays, validation_split)
        batches = make_batches(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight)
        validation: Batches | None = None
        if validation_data is not None:
            parts = validation_data if isinstance(validation_data, tuple | list) else (validation_data,)
            validation = make_batches(
                *unpack_x_y_sample_weight(tuple(parts)), validation_batch_size or batch_size, validation_steps
            )
        self.stop_training, self.history, self.initial_epoch = False, History(), initial_epoch
        told = self._callbacks(callbacks, verbose, epochs=epochs, steps=batches.num_batches)
        told.call("on_train_begin", {})
        logs: Logs = {}
        for epoch in range(self.initial_epoch, epochs):
            told.call("on_epoch_begin", epoch, {})
            logs = self._train_epoch(batches, told)
            if validation is not None and _is_due(validation_freq, epoch):
                found = self._evaluate(validation, told)
                logs |= {f"val_{name}": value for name, value in found.items()}
            told.call("on_epoch_end", epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values()
        told.call("on_train_end", logs)
        return self.history

    def _train_epoch(self, batches: Batches, told: CallbackList) -> Logs:
        self.reset_metrics()
        logs: Logs | None = None
        for number, batch in enumerate(batches.epoch()):
            told.batch("on_train_batch_begin", number)
            made = self._run("train", batch)
            told.batch("on_train_batch_end", number, lambda made=made: sorted_logs(made))
            logs = made
            if self.stop_training:
                break
        if logs is None:
            raise DataError("there was no batch to train on")
        return self._results(logs)

    def _results(self, logs: Any) -> Logs:
        """An epoch's results: of the metrics now, or what the last step returned where it is the subclass's own."""
        own, returned = sorted_logs(self.get_metrics_result()), sorted_logs(logs)
        return own if own.keys() == returned.keys() else returned

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics over the data: a list (a number, where there is one alone), or a dict. Raises
        DataError.
        """
        self._require_compiled()
        batches = make_batches(x, y, sample_weight, batch_size, steps)
        logs = self._evaluate(batches, self._callbacks(callbacks, verbose, steps=batches.num_batches))
        return logs if return_dict else self._in_order(logs)

    def _evaluate(self, batches: Batches, told: CallbackList) -> Logs:
        told.call("on_test_begin", {})
        self.reset_metrics()
        logs: Logs | None = None
        for number, batch in enumerate(batches.epoch()):
            told.batch("on_test_batch_begin", number)
            made = logs = self._run("test", batch)
            told.batch("on_test_batch_end", number, lambda made=made: sorted_logs(made))
        if logs is None:
            raise DataError("there was no batch to evaluate")
        results = self._results(logs)
        told.call("on_test_end", results)
        return results

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Any:
        """The outputs for all examples, as arrays. Raises DataError."""
        batches = make_batches(x, None, None, batch_size, steps)
        told = self._callbacks(callbacks, verbose, steps=batches.num_batches)
        told.call("on_predict_begin", {})
        found: list[Any] = []
        for number, batch in enumerate(batches.epoch()):
            told.batch("on_predict_batch_begin", number)
            found.append(nest.map_structure(np.asarray, self._run("predict", batch)))
            told.batch("on_predict_batch_end", number, lambda: {"outputs": found[-1]})
        if not found:
            raise DataError("there was no batch to predict")
        told.call("on_predict_end", {})
        return nest.map_structure(lambda *parts: np.concatenate(parts), *found)

    def _callbacks(self, given: Any, verbose: int | str, epochs: int = 1, steps: int | None = None) -> CallbackList:
        """Those given, with the history while training and the progress lines."""
        verbose = 1 if verbose == "auto" else int(verbose)
        if isinstance(given, CallbackList):
            return given
        listed = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
        if self.history is not None and not any(isinstance(c, History) for c in listed):
            listed.append(self.history)
        if verbose:
            listed.insert(0, ProgbarLogger(verbose))
        return CallbackList(listed, self, {"verbose": verbose, "epochs": epochs, "steps": steps})

    # single batches

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One step of training; the results of all batches since the metrics were reset."""
        self._require_compiled()
        (batch,) = make_batches(x, y, sample_weight, _whole(x), class_weight=class_weight).epoch()
        logs = sorted_logs(self._run("train", batch))
        return logs if return_dict else self._in_order(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of a batch, added to those before."""
        self._require_compiled()
        data = pack_x_y_sample_weight(*(as_tensors(as_arrays(part)) for part in (x, y, sample_weight)))
        logs = sorted_logs(self._run("test", data))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for a batch, as arrays."""
        data = pack_x_y_sample_weight(as_tensors(as_arrays(x)))
        return nest.map_structure(np.asarray, self._run("predict", data))

    def _in_order(self, logs: Logs) -> Any:
        """The values as a list, the loss first, then in the order of `metrics`; one alone is a number."""
        names = [name for name in self.metrics_names if name in logs]
        values = [logs[name] for name in (*names, *sorted(logs.keys() - set(names)))]
        return values[0] if len(values) == 1 else values

    # everything that training changes

    def _training_variables(self) -> dict[str, Variable]:
        from tfcli.models.weight_files import named_weights

        self._require_compiled()
        self.optimizer.build(self.trainable_weights)  # type: ignore[attr-defined]
        held = {f"model/{name}": v for name, v in named_weights(self).items()}  # type: ignore[arg-type]
        return held | {f"optimizer/{i}": v for i, v in enumerate(self.optimizer.variables.values())}

    def training_state(self) -> dict[str, np.ndarray]:
        """The arrays of the weights and of the optimizer."""
        return {name: v.array for name, v in self._training_variables().items()}

    def restore_training_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Set them from what `training_state` gave. Raises SpecError where it is another model's."""
        held = self._training_variables()
        if held.keys() != state.keys():
            raise SpecError(
                "the saved state of training belongs to another model or optimizer, or this one is not built yet"
            )
        for name, variable in held.items():
            variable.assign(constant(state[name]))


def _examples(x: Any) -> Tensor:
    """How many examples are in a batch, a float."""
    first = convert_to_tensor(next(leaf for leaf in nest.flatten(x) if leaf is not None))
    return cast(shape(first)[0], "float32") if first.ndim else constant(1.0)


def _whole(x: Any) -> int:
    return len(nest.flatten(as_arrays(x))[0])


def _is_due(frequency: int | Sequence[int], epoch: int) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency
