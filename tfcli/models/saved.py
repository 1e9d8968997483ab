"""Models whose code is gone: what `tf.saved_model` loads, with fit, evaluate and predict around it."""

from pathlib import Path
from typing import Any

from tfcli.errors import DataError
from tfcli.models.model import Model
from tfcli.saved_model import load


class LoadedModel(Model, abstract=True):
    """The call and the weights of a saved model; it can be trained further once `compile` has said how."""

    def __init__(self, path: str | Path) -> None:
        """Raises DataError where there is none, or what was saved could not be called."""
        loaded = load(path)
        if "__call__" not in vars(loaded):
            raise DataError(
                f"{path} holds an object that was saved without a traced call; tf.saved_model.load reads it"
            )
        super().__init__(name=loaded.name)
        self.loaded = loaded
        self._held = list(loaded.variables)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return self.loaded(inputs, training=bool(training))
