"""tf.keras.models."""

from collections.abc import Callable
from typing import Any

from tfcli.errors import SpecError
from tfcli.keras.saving import load_model as load_model
from tfcli.keras.saving import model_from_json as model_from_json
from tfcli.keras.saving import save_model as save_model
from tfcli.models.functional import make_input as Input
from tfcli.models.layers.base import Layer
from tfcli.models.model import Model
from tfcli.models.sequential import Sequential

Functional = Model

__all__ = ["Functional", "Input", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def clone_model(model: Model, clone_function: Callable[[Layer], Layer] | None = None) -> Model:
    """A Sequential model of the same layers with new weights. Raises SpecError for other models."""
    if not isinstance(model, Sequential):
        raise SpecError(f"clone_model copies Sequential models; call what made the {type(model).__name__} again")
    clone = clone_function or (lambda layer: layer.clone())
    layers: list[Any] = [clone(layer) for layer in model.layers]
    if model.wiring is not None:
        spec = model.wiring.inputs[0].spec
        layers.insert(0, Input(batch_shape=spec.shape, dtype=spec.dtype.name))
    return Sequential(layers)
