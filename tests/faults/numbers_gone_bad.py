"""NaN and infinity, in the data or by an explosion, at any step: stopped, named, and never saved."""

import random
import re
from pathlib import Path

import numpy as np
from machine import Machine, Tally

from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.numerics import name_of_non_finite

SPEC = """\
name: small
data: {{source: {{type: npz, path: data.npz, features: x, label: y}}, pipeline: [{{type: batch, batch_size: 8}}]}}
model:
  layers:
{layers}
loss: mean_squared_error
optimizer:
  type: {optimizer}
  learning_rate: {{type: piecewise_constant_decay, boundaries: [{step}], values: [0.001, {rate}]}}
train: {{epochs: 2, checkpoint: {{every_steps: 1, keep: 50}}}}
"""
LAYER = (
    "    - {{type: dense, name: layer-{number}, units: {units}, activation: {activation}, kernel_initializer: "
    "{kernel}}}"
)
POSITIVE = "{type: random_uniform, minval: 0.1, maxval: 0.3}"
DEPTH = 6
ROWS = 96
STEPS = 2 * ROWS // 8
NAMED = re.compile(
    r"`\w+` in (the (gradient of the )?(layer `layer-\d`|loss)|the optimizer's update)|the (input|label) `"
)


def explosions(folder: Path, times: int, seed: int) -> Tally:
    """At a seeded step a value of the data is not finite or too large for the exponential of a seeded layer, or the
    learning rate becomes huge."""
    draw, tally = random.Random(seed), Tally()
    with Machine(folder) as machine:
        for number in range(times):
            logdir, step = f"nan-{number}", draw.randrange(STEPS)
            cause, layer = draw.choice(("input", "label", "rate", "exponential", "layer")), draw.randrange(DEPTH - 1)
            bad = draw.choice((np.nan, np.inf, -np.inf))
            _write(folder, cause, step, bad, draw.choice(("sgd", "adam")), layer)
            job = machine.train(logdir)
            code, text = job.wait(), job.text
            what = f"{cause} ({bad}) at step {step}, layer {layer}"
            if code == 0 and cause in ("rate", "exponential"):
                tally.count(_not_finite(machine.run(logdir)), what)  # it went well all the same
                continue
            if cause == "label" and code == 2 and "the label is missing" in text:
                tally.count(None, what)  # NaN in a label is refused before anything is trained
                continue
            place = f"`exp` in the layer `layer-{layer}`" if cause == "layer" else NAMED
            said = code == 1 and text.count("error:") == 1 and re.search(place, text)
            tally.count(_not_finite(machine.run(logdir)) if said else f"code {code}: {text}", what)
            machine.clear(logdir)
    return tally


def _write(folder: Path, cause: str, step: int, bad: float, optimizer: str, layer: int) -> None:
    random_numbers = np.random.default_rng(step)
    x = random_numbers.normal(size=(ROWS, 4)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True)
    row = step * 8 % ROWS + step % 8
    if cause in ("input", "label"):
        (x if cause == "input" else y)[row, 0] = bad
    if cause == "layer":
        x[row] = 1e20
    np.savez(folder / "data.npz", x=x, y=y)
    rate = {"rate": 1e30, "exponential": 1e3}.get(cause, 0.001)
    layers = _layers(
        *{"layer": (layer, POSITIVE), "exponential": (0, "glorot_uniform")}.get(cause, (None, "he_uniform"))
    )
    (folder / "small.yaml").write_text(SPEC.format(layers=layers, optimizer=optimizer, step=step, rate=rate))


def _layers(exponential: int | None, kernel: str) -> str:
    """Lines of YAML; with positive weights an input that is huge is so in every layer."""
    plain = "linear" if kernel == POSITIVE else "relu"
    activations = ["exponential" if number == exponential else plain for number in range(DEPTH - 1)] + ["linear"]
    return "\n".join(
        LAYER.format(number=number, units=6 if number < DEPTH - 1 else 1, activation=activation, kernel=kernel)
        for number, activation in enumerate(activations)
    )


def _not_finite(run: RunDirectory) -> str | None:
    """What of the saved arrays is not finite."""
    checkpoints = run.checkpoints()
    for name in checkpoints.names():
        tensors = checkpoints.load(name).tensors
        bad = name_of_non_finite({group: tensors[group] for group in ("model", "optimizer")})
        if bad:
            return f"{name} holds {bad}"
    return None
