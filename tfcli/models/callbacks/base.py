"""Callback: what is told of the course of training; the list that tells them; the history."""

from collections.abc import Iterable, Mapping
from typing import Any

_BATCH_HOOKS = tuple(
    f"on_{what}batch_{end}" for what in ("", "train_", "test_", "predict_") for end in ("begin", "end")
)


class Callback:
    """Base of the callbacks. `self.model` is the model, `self.params` has `verbose`, `epochs` and `steps`."""

    def __init__(self) -> None:
        self._model: Any = None
        self.params: dict[str, Any] = {}

    _model: Any = None
    params: dict[str, Any] = {}

    @property
    def model(self) -> Any:
        return self._model

    def set_model(self, model: Any) -> None:
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Before an epoch; `epoch` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """After an epoch, with its results; those of validation start with `val_`."""

    def on_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """`on_train_batch_begin` by its old name."""

    def on_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """`on_train_batch_end` by its old name."""

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Before a batch of `evaluate` or validation."""

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """After a batch of `evaluate` or validation."""

    def on_predict_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """After a batch of `predict`; `logs["outputs"]` has its outputs."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `fit` begins."""

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `fit` ends."""

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `evaluate` or a validation begins."""

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `evaluate` or a validation ends."""

    def on_predict_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `predict` begins."""

    def on_predict_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """When `predict` ends."""

    def wants_batches(self) -> bool:
        """Whether it does anything before or after a batch."""
        return any(getattr(type(self), name) is not getattr(Callback, name) for name in _BATCH_HOOKS)


class CallbackList:
    """Callbacks in a row; a hook of the list calls that of each."""

    def __init__(self, callbacks: Iterable[Callback], model: Any, params: dict[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self.wants_batches = any(callback.wants_batches() for callback in self.callbacks)

    def call(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def batch(self, hook: str, number: int, logs: Any = None) -> None:
        """A hook around a batch. `logs` is a function that makes them, called where somebody listens."""
        if self.wants_batches:
            self.call(hook, number, {} if logs is None else logs())


class History(Callback):
    """Keeps the results of every epoch: `history["loss"]` is a list. `fit` returns it."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)


class LambdaCallback(Callback):
    """Functions as hooks: `LambdaCallback(on_epoch_end=lambda epoch, logs: …)`."""

    def __init__(
        self,
        on_epoch_begin: Any = None,
        on_epoch_end: Any = None,
        on_train_begin: Any = None,
        on_train_end: Any = None,
        on_train_batch_begin: Any = None,
        on_train_batch_end: Any = None,
        **hooks: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        } | hooks
        self.__dict__.update({name: function for name, function in given.items() if function is not None})

    def wants_batches(self) -> bool:
        return any(name in self.__dict__ for name in _BATCH_HOOKS)
