"""What `train:` asks for besides training: a CSV log, warm-up, averages in validation, callbacks of the user's own."""

import csv
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfcli.declare import Path as SpecPath
from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import SpecError, TfcliError, TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.callbacks import Callback
from tfcli.models.layers.base import Layer, Weight
from tfcli.models.schedules import warm_up
from tfcli.runner.monitors import UNMEASURED
from tfcli.runner.session import Session
from tfcli.spec.training import CSVLog, LearningRateWarmup, OwnCallback, SwapEMAWeights

_NOT_LOGGED = {*UNMEASURED} - {"learning_rate"}


def start_warm_up(session: Session, declared: LearningRateWarmup | None, steps_per_epoch: int) -> None:
    """From now on the optimizer's learning rate rises at the beginning."""
    if declared is not None:
        steps = declared.steps or (declared.epochs or 0) * steps_per_epoch
        session.trainer.optimizer.set_warm_up(warm_up(steps, declared.start_factor))


class CsvTable:
    """A line for each epoch; a resumed run's lines of epochs that it did not keep are gone."""

    def __init__(self, run: RunDirectory, session: Session) -> None:
        self.declared = session.experiment.train.csv_log
        self.run = run
        self.columns = ["epoch", *sorted([*session.reported(), "learning_rate"])]

    def begin(self) -> None:
        """The header, and the lines of the epochs that are done."""
        if isinstance(self.declared, CSVLog):
            with self._open("w") as file:
                self._writer(file).writerows([self.columns, *map(self._line, self.run.metrics())])

    def after_epoch(self, row: Mapping[str, Any]) -> None:
        if isinstance(self.declared, CSVLog):
            with self._open("a") as file:
                self._writer(file).writerow(self._line(row))

    def _open(self, mode: str) -> Any:
        assert isinstance(self.declared, CSVLog)
        return (self.run.path / self.declared.filename).open(mode, newline="", encoding="utf-8")

    def _writer(self, file: Any) -> Any:
        assert isinstance(self.declared, CSVLog)
        return csv.writer(file, delimiter=self.declared.separator)

    def _line(self, row: Mapping[str, Any]) -> list[Any]:
        return [row["epoch"] - 1, *(row.get(name, "NA") for name in self.columns[1:])]


class Averages:
    """The moving averages of `use_ema` in the weights' place, while validating and, if asked for, after an epoch."""

    def __init__(self, session: Session) -> None:
        declared = session.experiment.train.swap_ema_weights
        self.declared = declared if isinstance(declared, SwapEMAWeights) else None
        self.optimizer = session.trainer.optimizer
        self.in_place = False
        """Whether the averages are in the weights' place now."""

    @contextmanager
    def while_validating(self) -> Iterator[None]:
        with self._swapped(self.declared is not None):
            yield

    @contextmanager
    def after_epoch(self) -> Iterator[None]:
        with self._swapped(self.declared is not None and self.declared.swap_on_epoch):
            yield

    @contextmanager
    def _swapped(self, wanted: bool) -> Iterator[None]:
        if not wanted:
            yield
            return
        self.swap()
        yield
        self.swap()

    def swap(self) -> None:
        self.optimizer.swap_averages()
        self.in_place = not self.in_place


class CallbackModel:
    """What a callback of the user's own sees as `self.model`."""

    def __init__(self, session: Session) -> None:
        self._network = session.network
        self.optimizer = session.trainer.optimizer
        self.name = session.experiment.name
        self.stop_training = False
        """Setting it ends training after the epoch."""

    @property
    def layers(self) -> list[Layer]:
        return self._network.layers

    @property
    def weights(self) -> list[Weight]:
        return self._network.weights

    def get_layer(self, name: str) -> Layer:
        """The layer at that path. Raises SpecError."""
        for layer in self.layers:
            if layer.path == name:
                return layer
        raise SpecError(f"the model has no layer {name!r}; there are: {', '.join(layer.path for layer in self.layers)}")

    def get_weights(self) -> list[np.ndarray]:
        return [weight.array.copy() for weight in self.weights]

    def set_weights(self, arrays: list[np.ndarray]) -> None:
        """Raises SpecError where number or shapes differ."""
        shapes = [tuple(np.shape(array)) for array in arrays]
        own = [tuple(weight.array.shape) for weight in self.weights]
        if shapes != own:
            raise SpecError(f"set_weights: the model's weights have the shapes {own}, those given {shapes}")
        for weight, array in zip(self.weights, arrays, strict=True):
            weight.array = np.array(array, weight.dtype.numpy)


def _declared(session: Session) -> list[OwnCallback]:
    return [own for own in session.experiment.train.callbacks if isinstance(own, OwnCallback)]


def check_callbacks(session: Session) -> None:
    """Import the classes that `train.callbacks` names, making none. Raises InvalidSpec where one cannot be had."""
    loaded = session.loaded
    for i, declared in enumerate(_declared(session)):
        place: SpecPath = ("train", "callbacks", i)
        try:
            with functions_in(loaded.root):
                cls = load_function(declared.callback)
        except SpecError as error:
            raise loaded.error_at(place, str(error)) from error
        if not (isinstance(cls, type) and issubclass(cls, Callback)):
            hint = "derive a class from `tfcli.keras.callbacks.Callback`, and name it"
            raise loaded.error_at(place, f"{declared.callback} is no class of callbacks", hint)
        try:
            inspect.signature(cls).bind(**declared.arguments)
        except TypeError as error:
            hint = "`arguments` are what the class is called with"
            raise loaded.error_at(place, f"{declared.callback} cannot be made: {error}", hint) from error


class OwnCallbacks:
    """The callbacks that `train.callbacks` names, made once and called in their order.

    Raises TrainingError where making one, or one of its hooks, fails.
    """

    def __init__(self, session: Session, steps: int) -> None:
        self.declared = _declared(session)
        self.model = CallbackModel(session)
        with functions_in(session.loaded.root):
            self.callbacks = [_make(declared) for declared in self.declared]
        params = {"epochs": session.experiment.train.epochs, "steps": steps, "verbose": 0}
        for callback in self.callbacks:
            callback.set_model(self.model)
            callback.set_params(params)
        self.restored: list[Any] = []
        self.wants_batches = any(callback.wants_batches() for callback in self.callbacks)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of each."""
        for declared, callback in zip(self.declared, self.callbacks, strict=True):
            with _failures(f"the callback {declared.callback} failed in {hook}"):
                getattr(callback, hook)(*arguments)

    def batch(self, hook: str, number: int, loss: float | None = None) -> None:
        if self.wants_batches:
            self.call(hook, number, {} if loss is None else {"loss": loss})

    def after_epoch(self, epoch: int, row: dict[str, Any]) -> None:
        """What a callback adds to an epoch's results is reported with them."""
        if not self.callbacks:
            return
        logs = {name: value for name, value in row.items() if name not in _NOT_LOGGED}
        self.call("on_epoch_end", epoch, logs)
        row.update({name: _plain(value) for name, value in logs.items()})

    def state(self) -> list[Any]:
        """What each needs to go on after an interruption; None for one that has no `get_state`."""
        return [
            self._state_of(declared, callback) for declared, callback in zip(self.declared, self.callbacks, strict=True)
        ]

    def _state_of(self, declared: OwnCallback, callback: Any) -> Any:
        if not hasattr(callback, "get_state"):
            return None
        with _failures(f"the callback {declared.callback} failed in get_state"):
            state = callback.get_state()
        try:
            return json.loads(json.dumps(state))
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"{declared.callback}.get_state must return plain data (numbers, texts, lists, mappings): {error}"
            ) from error

    def begin(self) -> None:
        """Training begins, or goes on from the states that `restored` has."""
        self.call("on_train_begin", {})
        for callback, state in zip(self.callbacks, self.restored, strict=False):
            if state is not None and hasattr(callback, "set_state"):
                with _failures(f"the callback {type(callback).__name__} failed in set_state"):
                    callback.set_state(state)


def _make(declared: OwnCallback) -> Callback:
    with _failures(f"making the callback {declared.callback} failed"):
        made: Callback = load_function(declared.callback)(**declared.arguments)
    return made


@contextmanager
def _failures(what: str) -> Iterator[None]:
    """Whatever the user's code raises, as a TrainingError."""
    try:
        yield
    except TfcliError:
        raise
    except Exception as error:
        raise TrainingError(f"{what}: {type(error).__name__}: {error}") from error


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
