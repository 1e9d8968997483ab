"""Each layer in float64 against a plain reference in numpy, to nine digits: outputs, state and gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from all_layers import CASES, REGISTERED, arrays_of, call, differs_in_training, make
from layer_cases import Case, as_input, case, inputs_of, masks_of, pattern, weight_of
from references import REFERENCES, compute

from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.preprocessing.base import Draws
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, constant
from tfcli.models.activations import Activation
from tfcli.models.layers import attention, gates, multi_head_attention, regularization
from tfcli.models.layers.base import building

WITHOUT = {
    "block": "the model takes it apart into its layers",
    "residual": "the model takes it apart into its layers and an addition",
    "simple_rnn_cell": "its step is that of `rnn`",
    "gru_cell": "its step is that of `rnn`",
    "lstm_cell": "its step is that of `rnn`",
    "stacked_rnn_cells": "its step is that of `rnn`",
    "byte_pair_tokenizer": "it computes no numbers, and a library does the work",
}
"""Layers without a reference, and why."""
MEANING_IN_THE_WEIGHTS = {"stft_spectrogram"}
"""Layers whose first weights are what they compute; the others get numbers without a meaning."""
WITHOUT_A_DERIVATIVE = {
    "equalization": "it counts",
    "rand_augment": "equalization is among its choices",
    "aug_mix": "equalization is among its choices",
    "spectral_normalization": "the change of its kernel is no part of the gradient",
}
"""Layers that have no derivative in training, and why."""
STENCIL = {1: 2 / 3, 2: -1 / 12}
"""What the differences over one and two steps to either side add to a derivative, exact to the fourth order."""
STEP = 3e-5


def every_case() -> Iterator[Any]:
    for name, cases in sorted(CASES.items()):
        for number, listed in enumerate(cases):
            for training in (False, True):
                if not training or differs_in_training(make(listed.spec)):
                    yield pytest.param(listed, training, id=f"{name}-{number}{'-training' * training}")


EVERY_CASE = list(every_case())


@pytest.fixture
def drawn(monkeypatch):
    """What layers draw at random, in order; of dropout what it multiplies by."""
    numbers: list[np.ndarray] = []

    def recording(function: Any, as_factors: bool = False) -> Any:
        def recorded(x: Any, *args: Any, **kwargs: Any) -> Any:
            result = function(x, *args, **kwargs)
            numbers.append(_quotient(result.array, x.array) if as_factors else result.array)
            return result

        return recorded

    for method in ("uniform", "common", "normal", "gamma"):
        monkeypatch.setattr(Draws, method, recording(getattr(Draws, method)))
    for module in (attention, gates, multi_head_attention, regularization):
        monkeypatch.setattr(module, "dropout", recording(module.dropout, as_factors=True))
    monkeypatch.setattr(regularization, "normal_like", recording(regularization.normal_like))
    return numbers


def _quotient(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.divide(y, x, out=np.zeros_like(y), where=x != 0)


class Trial:
    """A layer in float64 with weights of its own, and its reference on the same numbers."""

    def __init__(self, case: Case, training: bool, drawn: list[np.ndarray]) -> None:
        self.case, self.training, self.drawn = case, training, drawn
        self.layer, self.arrays = make(case.spec), inputs_of(case)
        if case.learn is not None:
            self.layer.adapt(as_input(case.learn))  # type: ignore[attr-defined]
        call(self.layer, case, arrays_of(case))
        if case.learn is None and self.layer.type_name not in MEANING_IN_THE_WEIGHTS:
            self.layer.set_weights([weight_of(w.name, w.shape, i) for i, w in enumerate(self.layer.weights)])
        self.weights = self.present_weights()
        drawn.clear()

    def present_weights(self) -> dict[str, np.ndarray]:
        return {self.name_of(w): w.numpy() for w in self.layer.weights}

    def name_of(self, weight: Any) -> str:
        return weight.path.removeprefix(f"{self.layer.path}/")

    def run(self, tensors: list[Tensor]) -> list[Tensor]:
        return call(self.layer, self.case, tensors, self.training)

    def expected(self, arrays: list[np.ndarray], weights: dict[str, np.ndarray]) -> list[np.ndarray]:
        """What the reference gives; it changes `weights` as the call does."""
        outputs = compute(
            self.layer.spec(),
            weights,
            arrays,
            masks=masks_of(self.case) or [None] * len(arrays),
            training=self.training,
            draws=iter(self.drawn),
            learn=None if self.case.learn is None else as_input(self.case.learn).tolist(),
            state=getattr(self.layer, "state", None),
        )
        return list(outputs) if isinstance(outputs, tuple) else [outputs]

    def total_after(self, step: float, moves: list[np.ndarray | None], weight_moves: dict[str, np.ndarray]) -> float:
        """`_total` of the reference's outputs, a step along a direction."""
        arrays = [a if move is None else a + step * move for a, move in zip(self.arrays, moves, strict=True)]
        weights = {name: w + step * weight_moves.get(name, 0) for name, w in self.weights.items()}
        return sum(float((y * pattern(y.shape, 20.0 + i)).sum()) for i, y in enumerate(self.expected(arrays, weights)))


def assert_equal(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == np.shape(expected)
    if found.dtype.kind in "iub":
        np.testing.assert_array_equal(found, expected)
    else:
        largest = max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * largest)


@pytest.mark.parametrize("name", REGISTERED)
def test_every_layer_has_a_reference_or_a_reason(name):
    assert (name in REFERENCES) != (name in WITHOUT)


@pytest.mark.parametrize(("case", "training"), EVERY_CASE)
def test_a_layer_computes_in_float64_what_its_reference_says(case, training, drawn):
    with building(seed=0, floatx="float64"):
        trial = Trial(case, training, drawn)
        outputs = trial.run(arrays_of(case))
    references = trial.expected(trial.arrays, trial.weights)
    assert len(outputs) == len(references)
    for y, reference in zip(outputs, references, strict=True):
        assert not y.dtype.is_floating or y.dtype == "float64"
        if case.spec.get("mode") == "angle":  # a whole turn apart is the same
            assert_equal(np.exp(1j * y.array), np.exp(1j * reference))
        else:
            assert_equal(y.array, reference)
    for name, weight in trial.present_weights().items():
        assert_equal(weight, trial.weights[name])


DIFFERENTIABLE = [
    parameters
    for parameters in EVERY_CASE
    if parameters.values[0].gradient
    and not (parameters.values[1] and parameters.values[0].type_name in WITHOUT_A_DERIVATIVE)
]


@pytest.mark.parametrize(("case", "training"), DIFFERENTIABLE)
def test_gradients_have_the_digits_of_float64(case, training, drawn):
    """Along a direction in inputs and weights, against differences of the reference."""
    with building(seed=0, floatx="float64"):
        trial = Trial(case, training, drawn)
        inputs = arrays_of(case)
        weights = [] if trial.layer.type_name in MEANING_IN_THE_WEIGHTS else trial.layer.trainable_weights
        with GradientTape() as tape:
            tape.watch([t for t in inputs if t.dtype.is_floating])
            total = constant(np.float64(0.0))
            for i, y in enumerate(trial.run(inputs)):
                total = total + reduce_sum(y * pattern(y.shape, 20.0 + i))
        floats = [t for t in inputs if t.dtype.is_floating]
        gradients = tape.gradient(total, [*floats, *weights], unconnected_gradients="zero")
    assert all(g.dtype == "float64" for g in gradients)
    moves = [pattern(a.shape, 30.0 + i) if a.dtype.kind == "f" else None for i, a in enumerate(trial.arrays)]
    weight_moves = {trial.name_of(w): pattern(w.shape, 40.0 + i) for i, w in enumerate(weights)}
    directions = [*(m for m in moves if m is not None), *weight_moves.values()]
    found = sum(float((g.numpy() * d).sum()) for g, d in zip(gradients, directions, strict=True))
    differences = {
        k: trial.total_after(k * STEP, moves, weight_moves) - trial.total_after(-k * STEP, moves, weight_moves)
        for k in STENCIL
    }
    expected = sum(STENCIL[k] * difference for k, difference in differences.items()) / STEP
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("name", [cls.type_name for cls in Activation.registry or ()])
def test_an_activation_computes_in_float64_what_its_reference_says(name, drawn):
    given = {"threshold": 0.3, "default_value": -2.0} if name == "threshold" else {}
    one = case("activation", (5, 6), activation={"type": name} | given)
    test_a_layer_computes_in_float64_what_its_reference_says(one, False, drawn)


@pytest.mark.parametrize("name", sorted(CASES))
def test_first_weights_have_the_digits_of_float64(name):
    first = CASES[name][0]
    layer = make(first.spec)
    with building(seed=0, floatx="float64"):
        if first.learn is None:
            call(layer, first, arrays_of(first))
    for weight in layer.weights:
        values = weight.numpy()
        assert values.dtype != np.float32
        assert (values == np.round(values)).all() or (values != values.astype(np.float32)).any()
