"""Run directories by the thousand, without training: what `compare` and `runs` read of each, with plausible curves."""

import json
import math
from pathlib import Path

SPEC = """\
name: sweep
description: ''
seed: {seed}
precision: float32
data:
  source: {{type: bundled, name: iris, label: null}}
  split: {{validation: 0.2, test: null, stratify: true, seed: null}}
  pipeline:
    - {{type: shuffle, buffer_size: 150, seed: null, reshuffle_each_iteration: true}}
    - {{type: batch, batch_size: 16, drop_remainder: false}}
model:
  inputs: null
  layers:
    - type: dense
      name: hidden
      units: {units}
      activation: {{type: relu, negative_slope: 0.0, max_value: null, threshold: 0.0}}
      use_bias: true
    - type: dense
      name: null
      units: 3
      activation: {{type: softmax, axis: -1}}
      use_bias: true
loss: {{type: sparse_categorical_crossentropy, from_logits: false}}
optimizer:
  type: adam
  learning_rate: {rate}
  beta_1: 0.9
  beta_2: 0.999
metrics: [{{type: accuracy, name: null}}]
train:
  epochs: {epochs}
  early_stopping: null
tune: null
"""


def make_runs(logdir: Path, count: int, epochs: int = 20) -> list[Path]:
    """`count` finished runs that differ in learning rate, width and seed; five seeds for each setting."""
    return [_make_run(logdir, number, epochs) for number in range(count)]


def _make_run(logdir: Path, number: int, epochs: int) -> Path:
    setting, seed = divmod(number, 5)
    rate, units = 10 ** (-1 - setting % 13 / 4), 8 * (1 + setting % 7)
    started = f"2026-11-{1 + number // 86400:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    run_id = f"{started[:10].replace('-', '')}-{started[11:].replace(':', '')}-{number:04d}"
    path = logdir / "sweep" / run_id
    path.mkdir(parents=True)
    rows = [_row(epoch, epochs, rate, units, seed) for epoch in range(1, epochs + 1)]
    metrics = ("loss", "accuracy", "val_loss", "val_accuracy")
    picks = {name: (max if "accuracy" in name else min)(row[name] for row in rows) for name in metrics}
    status = {"state": "done", "pid": 1, "epoch": epochs, "step": 7 * epochs, "error": None, "started": started}
    summary = {
        "name": "sweep",
        "epochs": epochs,
        "monitor": "val_loss",
        "best_epoch": min(rows, key=lambda row: row["val_loss"])["epoch"],
        "final": {name: rows[-1][name] for name in metrics},
        "best": picks,
        "parameters": 8 * units + 3,
        "seconds": 0.4 + number % 10 / 10,
    }
    environment = {
        "command": ["tfcli", "train", "sweep.yaml"],
        "started": started,
        "seed": seed,
        "data": {"bundled:iris": "9cc1c345c71b"},
        "versions": {"tfcli": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"},
        "host": f"node{number % 3}",
        "cpu": {"model": "a CPU", "cores": 2},
        "threads": 2,
        "variables": {},
        "git": {"commit": "0" * 40, "dirty": False},
    }
    (path / "spec.yaml").write_text(SPEC.format(seed=seed, units=units, rate=rate, epochs=epochs))
    for name, value in (("status", status), ("summary", summary), ("environment", environment)):
        (path / f"{name}.json").write_text(json.dumps(value, indent=2))
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _row(epoch: int, epochs: int, rate: float, units: int, seed: int) -> dict[str, float]:
    done = epoch / epochs
    loss = 0.05 + math.exp(-done * (1 + 20 * rate)) * (1 + 0.01 * seed)
    held = loss + 0.02 * seed + done / units
    return {
        "epoch": epoch,
        "step": 7 * epoch,
        "loss": loss,
        "accuracy": 1 - loss / 3,
        "val_loss": held,
        "val_accuracy": 1 - held / 3,
        "learning_rate": rate,
        "seconds": 0.01,
        "examples_per_second": 9000.0,
    }
