"""Recurrent cells over sequences by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, is_lowered

import tfcli.engine.kernels.recurrent  # noqa: F401
from tfcli.engine.ops import recurrent

random = np.random.default_rng(13)
SIZES = [(1, 1, 1), (2, 3, 5), (5, 4, 8), (7, 3, 17), (4, 2, 32), (3, 5, 35), (9, 2, 64)]


def normal(*shape: int) -> np.ndarray:
    return random.normal(0, 0.7, shape).astype(np.float32)


def kernel(units: int, gates: int) -> np.ndarray:
    return normal(units, gates * units) / np.float32(np.sqrt(units))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("n", "t", "u"), SIZES)
def test_lstm_agrees_with_numpy(n, t, u, lanes):
    op, weights = recurrent.LstmSequence(), kernel(u, 4)
    z, h, c = normal(n, t, 4 * u), normal(n, u), normal(n, u)
    assert_as_numpy(op, z, h, c, weights, lanes=lanes, tolerance=3e-6)
    _, _, _, gates, cells = op.forward(z, h, c, weights)
    gradients = normal(n, u), normal(n, u), normal(n, t, u)
    assert_as_numpy(recurrent.LstmSequenceGrad(), *gradients, gates, cells, c, weights, lanes=lanes, tolerance=3e-6)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("n", "t", "u"), SIZES)
def test_gru_agrees_with_numpy(n, t, u, lanes):
    op, weights = recurrent.GruSequence(), kernel(u, 3)
    z, h, bias = normal(n, t, 3 * u), normal(n, u), normal(3 * u)
    assert_as_numpy(op, z, h, weights, bias, lanes=lanes, tolerance=3e-6)
    _, outputs, gates = op.forward(z, h, weights, bias)
    gradients = normal(n, u), normal(n, t, u)
    assert_as_numpy(recurrent.GruSequenceGrad(), *gradients, gates, outputs, h, weights, lanes=lanes, tolerance=3e-6)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("n", "t", "u"), SIZES)
def test_simple_rnn_agrees_with_numpy(n, t, u, lanes):
    op, weights = recurrent.SimpleRnnSequence(), kernel(u, 1)
    z, h = normal(n, t, u), normal(n, u)
    assert_as_numpy(op, z, h, weights, lanes=lanes, tolerance=3e-6)
    _, outputs = op.forward(z, h, weights)
    gradients = normal(n, u), normal(n, t, u)
    assert_as_numpy(recurrent.SimpleRnnSequenceGrad(), *gradients, outputs, weights, lanes=lanes, tolerance=3e-6)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("n", "t", "u"), SIZES)
def test_states_before_each_step_are_those_after_the_one_before(n, t, u, lanes):
    assert_as_numpy(recurrent.StepsBefore(), normal(n, u), normal(n, t, u), lanes=lanes)


def test_float64_agrees_with_numpy():
    wide = [x.astype(np.float64) for x in (normal(3, 4, 24), normal(3, 6), normal(3, 6), kernel(6, 4))]
    assert_as_numpy(recurrent.LstmSequence(), *wide, lanes=8, tolerance=1e-13)


def test_sequences_without_steps_are_left_to_numpy():
    assert not is_lowered(recurrent.SimpleRnnSequence(), normal(2, 0, 3), normal(2, 3), kernel(3, 1))
