"""The `model:` part of a spec."""

from tfcli.declare import Declared, FieldError, Problem, convert
from tfcli.engine.spec import DTYPES
from tfcli.models.layers.base import Layer
from tfcli.models.presets import Preset


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
    preset: Preset | None = None
    "A known architecture instead of `layers`; a run's spec.yaml has its layers written out."
    layers: list[Layer] = []
    "Each layer reads the one before it, unless it names its `inputs`."
    outputs: list[str] | str | None = None
    "The layers whose outputs are the model's; by default the last."

    def check(self) -> None:
        if self.preset is not None:
            self._expand(self.preset)
        if not self.layers:
            raise FieldError(
                "layers", "a model needs at least one layer", "list them under `layers`, or name a `preset`"
            )

    def _expand(self, preset: Preset) -> None:
        """The preset's layers in its place."""
        if self.layers:
            raise FieldError("preset", "a model has either `layers` or a `preset`", "leave out one of the two")
        problems: list[Problem] = []
        self.layers, self.preset = convert(list[Layer], preset.layers(), (), problems), None
        assert not problems, problems
