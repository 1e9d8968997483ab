"""A small experiment for studies, and what they come to."""

import csv
from pathlib import Path
from typing import Any

from tfcli.tuning.study import Study

SPEC = """\
seed: 3
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2}
  pipeline: [{type: batch, batch_size: 32}]
model: {layers: [{type: dense, name: h, units: 4}, {type: dense, units: 3}]}
loss: {type: sparse_categorical_crossentropy, from_logits: true}
optimizer: {type: sgd, learning_rate: 0.1}
metrics: [accuracy]
train: {epochs: 3, tensorboard: null}
"""
RANGES = """\
  space:
    optimizer.learning_rate: {low: 0.001, high: 1.0, log: true}
    model.layers.h.units: {low: 2, high: 8}
"""


def written(folder: Path, section: str, spec: str = SPEC) -> Path:
    path = folder / "exp.yaml"
    path.write_text(spec + section)
    return path


def outcome(study: Study) -> list[dict[str, Any]]:
    """All that does not depend on the clock."""
    return [trial.to_dict() | {"seconds": None} for trial in Study.open(study.run).trials]


def settings(study: Study) -> list[dict[str, Any]]:
    return [trial.parameters for trial in study.trials]


def values_by_number(study: Study) -> dict[int, tuple[dict[str, Any], float | None]]:
    return {trial.number: (trial.parameters, trial.value) for trial in study.trials}


def leaderboard(study: Path) -> list[dict[str, str]]:
    with open(study / "leaderboard.csv") as file:
        return list(csv.DictReader(file))
