"""Keras's preprocessing layers for numbers, categories, texts and sounds.

Their fields and arithmetic are those of `tfcli.engine.preprocessing`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.declare import FieldError
from tfcli.engine.preprocessing import audio, byte_pairs, categories, lookup, numeric, text
from tfcli.engine.preprocessing.learning import Learned, Preprocess
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor, as_array
from tfcli.errors import DataError, ShapeError, SpecError
from tfcli.models.layers.base import Layer
from tfcli.models.layers.learned import Adapting, Computing
from tfcli.models.layers.preprocessing import Transforming


class Normalization(numeric.Normalization, Adapting):
    _shows_learned = False
    """`mean` and `variance` are what was learned, as in Keras."""

    @property
    def learns(self) -> bool:
        return self._shows_learned or self.mean is None

    def build(self, input_shape: Shape) -> None:
        sizes = [input_shape[axis] for axis in self.kept(input_shape)]
        if None in sizes:
            raise ShapeError(f"needs to know the sizes along `axis` of its input, {show_shape(input_shape)}")
        self._rank = len(input_shape)
        if self.learns:
            self.adapted_mean = self.add_weight("mean", sizes, "zeros", trainable=False)
            self.adapted_variance = self.add_weight("variance", sizes, "ones", trainable=False)
            self.count = self.add_weight("count", (), "zeros", trainable=False, dtype="int32")
            self._keep()

    def update_state(self, data: Any) -> None:
        batch = as_array(data)
        super().update_state(batch)
        if not self.built:
            self.build(Shape(batch.shape))

    def take(self, learned: Learned) -> None:
        super().take(learned)
        if self.built:
            self._keep()

    def _keep(self) -> None:
        """Put what was learned where it works."""
        if self._learned is None:
            return
        for name, weight in (("mean", self.adapted_mean), ("variance", self.adapted_variance)):
            values = np.asarray(self._learned[name], weight.dtype.numpy)
            if values.shape != tuple(weight.shape):
                raise ShapeError(
                    f"learned a {name} of shape {values.shape} for an input that needs {show_shape(weight.shape)}"
                )
            weight.array = values
            placed = [1] * self._rank
            for axis, size in zip(self.kept((1,) * self._rank), values.shape, strict=True):
                placed[axis] = size
            setattr(self, name, Tensor(values.reshape(placed)))
        self._shows_learned = True

    def call(self, inputs: Tensor) -> Tensor:
        if self.learns:
            return self.scaled(inputs, self.adapted_mean.value(), self.adapted_variance.value())
        return self.scaled(inputs, self.mean, self.variance)

    def clone(self) -> "Layer":
        if not self._shows_learned:
            return super().clone()
        return type(self)(self.axis, invert=self.invert, name=self.given_name, inputs=self.inputs)

    def spec(self) -> dict[str, Any]:
        return self.clone().spec() if self._shows_learned else super().spec()

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._given()

    def saved_settings(self) -> dict[str, Any]:
        """What was learned is in the weights."""
        return super().saved_settings() | self._given()

    def _given(self) -> dict[str, Any]:
        """The fields that show what was learned, as they were given."""
        return {"mean": None, "variance": None} if self._shows_learned else {}


class Discretization(numeric.Discretization, Computing, Adapting):
    def saved_settings(self) -> dict[str, Any]:
        learned = {} if self.state is None else {"bin_boundaries": self.state["bin_boundaries"], "num_bins": None}
        return super().saved_settings() | learned


class CategoryEncoding(categories.CategoryEncoding, Computing):
    def call(self, inputs: Tensor, count_weights: Any = None) -> Tensor:
        if count_weights is None:
            return super().call(inputs)
        if self.output_mode != "count":
            raise SpecError(f"count_weights are for output_mode count, not {self.output_mode}")
        return Preprocess(self, self.dtype)(inputs, count_weights)


class Hashing(categories.Hashing, Computing): ...


class HashedCrossing(categories.HashedCrossing, Computing):
    many_inputs = True


class _Lookup(Computing, Adapting, abstract=True):
    """What the layers with a vocabulary have in common."""

    def _whole(self, array: np.ndarray) -> np.ndarray:
        """Single values are documents by themselves."""
        return array[:, None] if array.ndim == 1 else array

    def set_vocabulary(self, vocabulary: Sequence[Any], idf_weights: Sequence[float] | None = None) -> None:
        """Work with this vocabulary, and in tf_idf with these weights. Raises SpecError."""
        listed = [v.decode() if isinstance(v, bytes) else v for v in as_array(vocabulary).tolist()]
        try:
            self.check_vocabulary(listed, idf_weights)  # type: ignore[attr-defined]
        except FieldError as error:
            raise SpecError(f"{self.path}: the vocabulary {error.message}") from error
        learned: Learned = {"vocabulary": listed}
        self.take(learned if idf_weights is None else learned | {"idf_weights": as_array(idf_weights).tolist()})

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The vocabulary in the order of the indices. Raises DataError before there is one."""
        return self.terms(self.ready(self.prepared), include_special_tokens)  # type: ignore[attr-defined]

    def saved_settings(self) -> dict[str, Any]:
        return super().saved_settings() | (self.state or {})

    def vocabulary_size(self) -> int:
        """How many indices there are, those for masks and unknown values counted."""
        return len(self.get_vocabulary())

    @property
    def state(self) -> Learned | None:
        """Also what was read from a file, so that it need not be there later."""
        from_file = isinstance(self.vocabulary, str)  # type: ignore[attr-defined]
        return {"vocabulary": self.get_vocabulary()} if from_file else super().state


class StringLookup(lookup.StringLookup, _Lookup): ...


class IntegerLookup(lookup.IntegerLookup, _Lookup): ...


class TextVectorization(text.TextVectorization, _Lookup): ...


class BytePairTokenizer(byte_pairs.BytePairTokenizer, Computing, Adapting):
    def decode(self, ids: Any) -> list[str]:
        """The texts of rows of indices (N, tokens), padding left out. Raises DataError before tokens were learned."""
        if self.prepared is None:
            raise DataError(f"{self.path}: has no tokens yet: adapt it to the training data")
        return self.prepared.decode_batch(as_array(ids).tolist())


class MelSpectrogram(audio.MelSpectrogram, Transforming): ...


class STFTSpectrogram(audio.STFTSpectrogram, Layer, name="stft_spectrogram"):
    def build(self, input_shape: Shape) -> None:
        made = {name: self.kernel(name) for name in self.uses}
        self.kernels = [self.add_weight(name, k.shape, lambda *_, k=k, **__: k) for name, k in made.items()]

    def call(self, inputs: Tensor) -> Tensor:
        return self.spectrogram(inputs, self.kernels)
