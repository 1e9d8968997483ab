"""What steps report: results by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfcli.errors import TrainingError

Logs = dict[str, Any]


def flatten_logs(logs: Mapping[Any, Any]) -> Logs:
    """Dicts among the values, as metrics with several results give, become part of the whole."""
    flat: Logs = {}
    for name, value in logs.items():
        flat |= flatten_logs(value) if isinstance(value, Mapping) else {str(name): value}
    return flat


def sorted_logs(logs: Any) -> Logs:
    """Results as Python numbers (or lists), by name."""
    if not isinstance(logs, Mapping):
        raise TrainingError(f"train_step and test_step must return a dict of results, got {type(logs).__name__}")
    plain = {name: np.asarray(value) for name, value in flatten_logs(logs).items()}
    return {name: plain[name].item() if plain[name].ndim == 0 else plain[name].tolist() for name in sorted(plain)}
