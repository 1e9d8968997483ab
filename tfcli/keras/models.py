"""tf.keras.models."""

from collections.abc import Callable
from typing import Any

from tfcli.engine import nest
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


def clone_model(
    model: Model, input_tensors: Any = None, clone_function: Callable[[Layer], Layer] | None = None
) -> Model:
    """A Sequential or functional model of the same layers with new weights. Raises SpecError for other models."""
    if model.wiring is None and not isinstance(model, Sequential):
        raise SpecError(f"clone_model copies Sequential and functional models, not a {type(model).__name__}")
    clone = clone_function or _clone
    if isinstance(model, Sequential):
        layers: list[Any] = [clone(layer) for layer in model.layers]
        if model.wiring is not None:
            layers.insert(0, _input_like(model.wiring.inputs[0]) if input_tensors is None else input_tensors)
        return Sequential(layers, name=model.name)
    structure = model.wiring.input_structure  # type: ignore[union-attr]
    inputs = input_tensors if input_tensors is not None else nest.map_structure(_input_like, structure)
    made: dict[int, Layer] = {}

    def again(layer: Layer) -> Layer:
        if id(layer) not in made:
            made[id(layer)] = clone(layer)
        return made[id(layer)]

    return Model(inputs, model.wiring.run(inputs, again), name=model.name)  # type: ignore[union-attr]


def _clone(layer: Layer) -> Layer:
    return clone_model(layer) if isinstance(layer, Model) else layer.clone()


def _input_like(symbol: Any) -> Any:
    return Input(batch_shape=symbol.spec.shape, dtype=symbol.spec.dtype.name, name=symbol.node.name)
