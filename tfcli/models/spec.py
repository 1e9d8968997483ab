"""The `model:` part of a spec."""

from tfcli.declare import Declared, FieldError
from tfcli.engine.spec import DTYPES
from tfcli.models import layers as _declares_every_layer  # noqa: F401
from tfcli.models.layers.base import Layer


class InputSpec(Declared, name="input"):
    """One input of the model, without the batch axis."""

    shape: tuple[int | None, ...]
    "Sizes of one example; null where it varies."
    dtype: str | None = None
    "By default that of the data, floats in the experiment's precision."

    def check(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise FieldError("dtype", f"there is no dtype {self.dtype!r}", f"there are: {', '.join(DTYPES)}")


class ModelSpec(Declared, name="model"):
    """The layers and how they are wired."""

    inputs: dict[str, InputSpec] | None = None
    "The model's inputs by name; by default those of the data."
    layers: list[Layer]
    "Each layer reads the one before it, unless it names its `inputs`."
    outputs: list[str] | str | None = None
    "The layers whose outputs are the model's; by default the last."

    def check(self) -> None:
        if not self.layers:
            raise FieldError("layers", "a model needs at least one layer")
