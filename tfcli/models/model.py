"""Model: layers with one call around them, made from inputs and outputs or by subclassing."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.function import Function
from tfcli.engine.graph.ir import Graph
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.errors import SpecError
from tfcli.models.fit import Fitting
from tfcli.models.functional import Wiring
from tfcli.models.layers.base import Layer, unique


class Model(Fitting, Layer, abstract=True):
    """`Model(inputs, outputs)` of symbols from Input, or a subclass that defines `call(inputs, training=None)`.

    Raises SpecError where the outputs depend on an input that is not given.
    """

    keeps_integers = True
    wiring: Wiring | None = None
    """What a functional model consists of."""

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True, **common: Any
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise SpecError("Model(inputs, outputs) takes both, or neither where a subclass defines call(self, inputs)")
        super().__init__(name=name, trainable=trainable, **common)
        if inputs is not None:
            self._wire(inputs, outputs)

    def _wire(self, inputs: Any, outputs: Any) -> None:
        self.wiring = Wiring(inputs, outputs)
        self.inputs, self.outputs = self.wiring.inputs, self.wiring.outputs  # type: ignore[assignment]
        self.built = True

    def _unique_name(self) -> str:
        return self._count("functional") if type(self) is Model else super()._unique_name()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self.wiring is None:
            raise SpecError(f"the model {type(self).__name__} does not define call(self, inputs)")
        return self.wiring.run(inputs)

    def build(self, input_shape: Any) -> None:
        """Make the weights by calling the model on inputs of this shape, None for unknown sizes."""
        graph = Graph(self.name or "model")
        shapes = _shape_leaves(input_shape)
        with tracing(graph), recording([]):
            symbols = [graph.placeholder(TensorSpec(shape, as_dtype(self.dtype))) for shape in shapes]
            self(symbols[0] if isinstance(input_shape, Shape) else symbols)
        self._forget_losses()

    def ensure_built(self, inputs: Any) -> None:
        """A model's layers build themselves when they are called; a `build` of the subclass's own comes first."""
        self._note_inputs(inputs)
        if self.built:
            return
        if type(self).build is not Model.build:
            super().ensure_built(inputs)
        self.built = True

    def _note_inputs(self, inputs: Any) -> None:
        """What the model was first called on, with any number of examples: what it is saved for."""
        if "_called_on" not in self.__dict__:
            self._called_on = nest.map_structure(lambda t: TensorSpec(Shape((None, *t.shape[1:])), t.dtype), inputs)

    def sublayers(self) -> Iterator[Layer]:
        wired = [] if self.wiring is None else self.wiring.layers
        yield from unique([*wired, *super().sublayers()])

    @property
    def layers(self) -> list[Layer]:
        return list(self.sublayers())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or number. Raises SpecError."""
        layers = self.layers
        if index is not None:
            if index >= len(layers):
                raise SpecError(f"the model has {len(layers)} layers, there is no layer {index}")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise SpecError(f"no layer is called {name!r}; there are: {', '.join(str(layer.name) for layer in layers)}")

    @property
    def input(self) -> Any:
        return super().input if self.wiring is None else self.wiring.input_structure

    @property
    def output(self) -> Any:
        return super().output if self.wiring is None else self.wiring.output_structure

    @property
    def input_shape(self) -> Any:
        return nest.map_structure(lambda s: s.shape, self.input)

    @property
    def output_shape(self) -> Any:
        return nest.map_structure(lambda s: s.shape, self.output)

    @property
    def input_names(self) -> list[str]:
        """Of a functional model's inputs."""
        return [] if self.wiring is None else self.wiring.input_names

    @property
    def output_names(self) -> list[str]:
        """Of a functional model's outputs."""
        return [] if self.wiring is None else self.wiring.output_names

    def count_params(self) -> int:
        """Raises SpecError before the model is built."""
        if not self.built:
            raise SpecError(f"{self.name} has no weights yet; call it on data or build(input_shape) it first")
        return super().count_params()

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and parameters, as Keras does."""
        from tfcli.models.summary import summarize

        text = summarize(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or print)(text)

    def functions_to_save(self) -> dict[str, Function]:
        """The call, traced for prediction and for training. Raises SpecError before the model was called on data."""
        if "_called_on" not in self.__dict__ and self.wiring is None:
            raise SpecError(f"{self.name} does not know its inputs yet; call it on data before it is saved")
        structure = self.__dict__.get("_called_on")
        if structure is None:
            structure = nest.map_structure(lambda s: TensorSpec(s.shape, s.dtype, s.node.name), self.input)

        def call(inputs: Any, training: bool = False) -> Any:
            return self(inputs, training=training)

        traced = Function(call, name=str(self.name))
        for training in (False, True):
            traced.get_concrete_function(structure, training=training)
        self._forget_losses()
        return {"__call__": traced}

    def save(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write the model: to a `.keras` archive as Keras 3 does (Sequential and functional models), or to a directory
        as tf.saved_model does (all models, loaded without their code). tf.keras.models.load_model reads either.

        Raises SpecError for what cannot be saved, CheckpointError where the disk refuses.
        """
        path = Path(filepath)
        if path.exists() and not overwrite:
            raise SpecError(f"{path} exists already; overwrite=True replaces it")
        if path.suffix in (".keras", ".h5", ".hdf5"):
            from tfcli.models.keras_archive import save_archive

            save_archive(self, path)
        else:
            self.export(path)

    def to_json(self, **kwargs: Any) -> str:
        """What makes the model anew, without its weights, in Keras's form; `kwargs` go to json.dumps. Raises SpecError
        for models that are not Sequential or functional.
        """
        from tfcli.models.keras_archive import model_config

        return json.dumps(model_config(self), **kwargs)

    def export(self, filepath: str | Path) -> None:
        """Write the model's call and weights to a directory, as `tf.saved_model.save` does."""
        from tfcli.saved_model import save

        save(self, filepath)

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write all weights to a `.safetensors` file, named as in a spec (`dense/kernel`), or to `.weights.h5` as Keras
        does. Raises SpecError.
        """
        from tfcli.models.weight_files import save_weights

        save_weights(self, Path(filepath), overwrite)

    def load_weights(self, filepath: str | Path, skip_mismatch: bool = False) -> None:
        """Read what `save_weights` wrote.

        Raises SpecError where it does not fit; `skip_mismatch` leaves out what does not.
        """
        from tfcli.models.weight_files import load_weights

        load_weights(self, Path(filepath), skip_mismatch)


def _shape_leaves(shapes: Any) -> list[Shape]:
    if isinstance(shapes, Shape):
        return [shapes]
    return [leaf for item in (shapes.values() if isinstance(shapes, dict) else shapes) for leaf in _shape_leaves(item)]
