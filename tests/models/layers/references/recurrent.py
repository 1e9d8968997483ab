"""Recurrent layers, one time step after the other."""

from collections.abc import Callable
from typing import Any

import numpy as np

from references.activations import activate
from references.convolution import convolved
from references.reference import Weights, compute, inner, reference

Step = Callable[[np.ndarray, list[np.ndarray]], list[np.ndarray]]
"""Inputs (N, …) and states of one time step -> new states, the first of which is the output."""


def factors(f: Any, training: bool, draws: Any, gates: int, for_each_gate: bool = False) -> tuple[list[Any], list[Any]]:
    """What dropout multiplies inputs and states by, for each gate; the same at every time step.

    As in Keras, gates share the factor of the inputs unless the states have any, or the layer is a convolution.
    """
    of_inputs: list[Any] = [1.0] * gates
    of_states: list[Any] = [1.0] * gates
    if training and f.dropout:
        apart = for_each_gate or f.recurrent_dropout
        of_inputs = [next(draws) for _ in range(gates)] if apart else [next(draws)] * gates
    if training and f.recurrent_dropout:
        of_states = [next(draws) for _ in range(gates)]
    return of_inputs, of_states


def simple_rnn_step(f: Any, w: Weights, training: bool, draws: Any) -> Step:
    (of_x,), (of_h,) = factors(f, training, draws, 1)

    def step(x, states):
        (h,) = states
        z = (x * of_x) @ w["kernel"] + w.get("bias", 0) + (h * of_h) @ w["recurrent_kernel"]
        return [activate(f.activation, z)]

    return step


def gru_step(f: Any, w: Weights, training: bool, draws: Any) -> Step:
    of_x, of_h = factors(f, training, draws, 3)
    kernels, recurrent = np.split(w["kernel"], 3, -1), np.split(w["recurrent_kernel"], 3, -1)
    biases = w.get("bias", np.zeros((2, 3 * f.units) if f.reset_after else 3 * f.units))
    of_inputs, of_states = biases if f.reset_after else (biases, np.zeros(3 * f.units))
    of_inputs, of_states = np.split(of_inputs, 3), np.split(of_states, 3)

    def step(x, states):
        (h,) = states
        x_z, x_r, x_h = ((x * of_x[i]) @ kernels[i] + of_inputs[i] for i in range(3))
        z = activate(f.recurrent_activation, x_z + (h * of_h[0]) @ recurrent[0] + of_states[0])
        r = activate(f.recurrent_activation, x_r + (h * of_h[1]) @ recurrent[1] + of_states[1])
        if f.reset_after:
            memory = r * ((h * of_h[2]) @ recurrent[2] + of_states[2])
        else:
            memory = (r * h * of_h[2]) @ recurrent[2]
        return [z * h + (1 - z) * activate(f.activation, x_h + memory)]

    return step


def gates_of_lstm(f: Any, z: list[np.ndarray], c: np.ndarray) -> list[np.ndarray]:
    """The new states of what the gates i, f, c, o add up to."""
    i, forget, o = (activate(f.recurrent_activation, z[k]) for k in (0, 1, 3))
    c = forget * c + i * activate(f.activation, z[2])
    return [o * activate(f.activation, c), c]


def lstm_step(f: Any, w: Weights, training: bool, draws: Any) -> Step:
    of_x, of_h = factors(f, training, draws, 4)
    kernels, recurrent = np.split(w["kernel"], 4, -1), np.split(w["recurrent_kernel"], 4, -1)
    biases = np.split(w.get("bias", np.zeros(4 * f.units)), 4)

    def step(x, states):
        h, c = states
        z = [(x * of_x[k]) @ kernels[k] + biases[k] + (h * of_h[k]) @ recurrent[k] for k in range(4)]
        return gates_of_lstm(f, z, c)

    return step


def conv_lstm_step(f: Any, w: Weights, training: bool, draws: Any) -> Step:
    of_x, of_h = factors(f, training, draws, 4, for_each_gate=True)
    kernels, recurrent = np.split(w["kernel"], 4, -1), np.split(w["recurrent_kernel"], 4, -1)
    biases = np.split(w.get("bias", np.zeros(4 * f.filters)), 4)

    def step(x, states):
        h, c = states
        z = [
            convolved(x * of_x[k], kernels[k], f.strides, f.padding, f.dilation_rate)
            + biases[k]
            + convolved(h * of_h[k], recurrent[k], padding="same")
            for k in range(4)
        ]
        return gates_of_lstm(f, z, c)

    return step


def over_time(f: Any, x: np.ndarray, mask: Any, step: Step, sizes: list[Any], output_state: int = 0) -> Any:
    """Runs a step over x (N, T, …); where the mask is false, states stay and the output is repeated, or zero."""
    states = [np.zeros((len(x), *np.atleast_1d(size))) for size in sizes]
    times = range(x.shape[1])[::-1] if f.go_backwards else range(x.shape[1])
    output = zero = np.zeros_like(states[output_state])
    outputs = []
    for t in times:
        after = step(x[:, t], states)
        if mask is None:
            states, output = after, after[output_state]
        else:
            shown = mask[:, t].reshape(-1, *[1] * (states[0].ndim - 1))
            before = zero if f.zero_output_for_mask else output
            output = np.where(shown, after[output_state], before)
            states = [np.where(shown, new, old) for new, old in zip(after, states, strict=True)]
        outputs.append(output)
    result = np.stack(outputs, 1) if f.return_sequences else output
    return (result, *states) if f.return_state else result


@reference("simple_rnn")
def simple_rnn(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    return over_time(f, x, masks[0], simple_rnn_step(f, w, training, draws), [f.units])


@reference("gru")
def gru(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    return over_time(f, x, masks[0], gru_step(f, w, training, draws), [f.units])


@reference("lstm")
def lstm(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    return over_time(f, x, masks[0], lstm_step(f, w, training, draws), [f.units, f.units])


@reference("conv_lstm1d", "conv_lstm2d", "conv_lstm3d")
def conv_lstm(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    kernel = w["kernel"][..., : f.filters]
    size = convolved(x[:, 0], kernel, f.strides, f.padding, f.dilation_rate).shape[1:]
    return over_time(f, x, masks[0], conv_lstm_step(f, w, training, draws), [size, size])


STEPS = {
    "simple_rnn_cell": (simple_rnn_step, 1),
    "gru_cell": (gru_step, 1),
    "lstm_cell": (lstm_step, 2),
}
"""The step of each cell, and how many states it has."""


@reference("rnn")
def rnn(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    """A cell, or cells on one another, of which the last one's first state is the output."""
    stacked = f.cell["type"] == "stacked_rnn_cells"
    cells = [_Cell(**cell) for cell in (f.cell["cells"] if stacked else [f.cell])]
    makers = [STEPS[cell.type] for cell in cells]
    steps = [
        make(cell, inner(w, f"{i}/") if stacked else w, training, draws)
        for i, ((make, _), cell) in enumerate(zip(makers, cells, strict=True))
    ]
    counts = [count for _, count in makers]
    sizes = [cell.units for cell, count in zip(cells, counts, strict=True) for _ in range(count)]

    def step(inputs: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        after: list[np.ndarray] = []
        for one, count in zip(steps, counts, strict=True):
            new = one(inputs, states[len(after) : len(after) + count])
            inputs, after = new[0], after + new
        return after

    return over_time(f, x, masks[0], step, sizes, output_state=sum(counts[:-1]))


class _Cell:
    """A cell's fields."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


@reference("bidirectional")
def bidirectional(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool, draws: Any) -> Any:
    """The layer, and one that runs the other way, whose sequence is turned round."""
    every_step = f.layer["return_sequences"]
    other = f.backward_layer or f.layer | {"go_backwards": not f.layer["go_backwards"]}
    results = []
    for name, spec in (("forward", f.layer), ("backward", other)):
        spec = spec | {"zero_output_for_mask": every_step}
        result = compute(spec, inner(w, f"{name}/"), [x], masks=masks, training=training, draws=draws)
        results.append(result if isinstance(result, tuple) else (result,))
    (there, *states), (back, *more_states) = results
    back = back[:, ::-1] if every_step else back
    merged = {
        "concat": lambda: np.concatenate([there, back], -1),
        "sum": lambda: there + back,
        "mul": lambda: there * back,
        "ave": lambda: (there + back) / 2,
    }
    outputs = (there, back) if f.merge_mode is None else (merged[f.merge_mode](),)
    return (*outputs, *states, *more_states)


@reference("time_distributed")
def time_distributed(f: Any, w: Weights, x: np.ndarray, training: bool) -> np.ndarray:
    steps = [compute(f.layer, w, [x[:, t]], masks=[None], training=training, draws=iter(())) for t in range(x.shape[1])]
    return np.stack(steps, 1)
