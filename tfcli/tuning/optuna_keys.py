"""Searched keys as Optuna's distributions, and their values back and forth."""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tfcli.logging.durable import to_json
from tfcli.tuning.space import Key, Space, rounded
from tfcli.tuning.trial import Objective, Trial


def distribution(key: Key) -> BaseDistribution:
    """What Optuna draws for the key."""
    if key.low is None or key.high is None:
        assert key.choices is not None
        return CategoricalDistribution([_label(value) for value in key.choices])
    if isinstance(key.choices, range):
        return IntDistribution(int(key.low), int(key.high), key.log)
    if key.choices is not None:  # steps, by their place: the sums of binary fractions would not come out even
        return IntDistribution(0, len(key.choices) - 1)
    return FloatDistribution(key.low, key.high, key.log)


def _label(value: Any) -> str | int | float:
    """What Optuna can tell apart: 1, 1.0 and true are equal to it."""
    return value if isinstance(value, str) and not value.startswith("json:") else f"json:{to_json(value)}"


def suggest(trial: optuna.Trial, key: Key) -> Any:
    """A value of the key's for the trial; `decode` makes it ours."""
    match distribution(key):
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(key.path, choices)
        case IntDistribution(low=low, high=high, log=log):
            return trial.suggest_int(key.path, low, high, log=log)
        case FloatDistribution(low=low, high=high, log=log):
            return trial.suggest_float(key.path, low, high, log=log)
    raise AssertionError("there are three kinds")


def decode(key: Key, suggested: Any) -> Any:
    """The key's value for what Optuna suggests."""
    if key.choices is None:
        assert key.low is not None
        assert key.high is not None
        return min(max(rounded(suggested), key.low), key.high)
    if isinstance(key.choices, range):
        return suggested
    if key.low is not None:
        return key.choices[suggested]
    return next(value for value in key.choices if _label(value) == suggested)


def encode(key: Key, value: Any) -> Any:
    """What Optuna would have suggested for the key's value."""
    if key.choices is None or isinstance(key.choices, range):
        return value
    return list(key.choices).index(value) if key.low is not None else _label(value)


def importances(space: Space, trials: Sequence[Trial], objective: Objective) -> dict[str, float]:
    """The importance of each key that all trials have, by PED-ANOVA. Their values must differ."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    keys = [key for key in space.keys if all(key.path in trial.parameters for trial in trials)]
    keys = [key for key in keys if len({to_json(trial.parameters[key.path]) for trial in trials}) > 1]
    if not keys:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction=objective.direction)
        for trial in trials:
            parameters = {key.path: encode(key, trial.parameters[key.path]) for key in keys}
            kinds = {key.path: distribution(key) for key in keys}
            study.add_trial(optuna.trial.create_trial(params=parameters, distributions=kinds, value=trial.value))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return optuna.importance.get_param_importances(study, evaluator=evaluator)
