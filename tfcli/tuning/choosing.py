"""Who chooses: what a study asks for its next setting, and tells what came of those before."""

from collections.abc import Callable
from typing import Any, Protocol

from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import SpecError
from tfcli.spec.search import SamplerSpec
from tfcli.tuning.samplers import SAMPLERS, Sampler
from tfcli.tuning.space import Parameters, Space, identity, make_space
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial


class Chooser(Protocol):
    """Chooses settings for a study, whose earlier trials it knows when it is made."""

    def propose(self) -> tuple[int, Parameters] | None:
        """The next trial's number and setting; None where no other setting is left."""

    def is_pruned(self, trial: Trial, step: int, value: float) -> bool:
        """Whether the trial, whose value at `step` is now known, should end."""

    def finish(self, trial: Trial) -> None:
        """The trial has come to its end."""

    def elsewhere(self) -> list[Trial]:
        """The trials of other machines."""


def make_chooser(study: Study) -> Chooser:
    """What suits the study; Optuna is imported only where it is needed. Raises SpecError, InvalidSpec."""
    tune, space = study.loaded.experiment.tune, make_space(study.loaded)
    own = _own_sampler(study, space)
    if own is not None and not tune.prunes and study.storage is None:
        return PlainChooser(study, own)
    from tfcli.tuning.optuna_chooser import OptunaChooser

    return OptunaChooser(study, space, own)


def _own_sampler(study: Study, space: Space) -> Sampler | None:
    """The sampler, where it is one of ours or the user's; None: one of Optuna's."""
    declared, seed = study.loaded.experiment.tune.sampler, study.loaded.experiment.seed
    if isinstance(declared, SamplerSpec):
        made = SAMPLERS.get(declared.type_name)
        return made(space, seed) if made else None
    sampler = load_own(study, "sampler", declared)(space, seed)
    if not callable(getattr(sampler, "propose", None)):
        raise study.loaded.error_at(
            ("tune", "sampler"), f"{declared} has no method `propose`", "as in `def propose(self, number, trials)`"
        )
    return sampler


def load_own(study: Study, key: str, name: Any) -> Callable[..., Any]:
    """The user's class that `tune.<key>` names. Raises InvalidSpec."""
    try:
        with functions_in(study.loaded.root):
            return load_function(name)
    except SpecError as error:
        raise study.loaded.error_at(("tune", key), str(error)) from error


class PlainChooser:
    """Asks a sampler alone."""

    def __init__(self, study: Study, sampler: Sampler) -> None:
        self.study, self.sampler = study, sampler

    def propose(self) -> tuple[int, Parameters] | None:
        trials = self.study.trials
        parameters = self.sampler.propose(len(trials), trials)
        tried = {identity(trial.parameters) for trial in trials}
        if parameters is None or identity(parameters) in tried:
            return None
        return len(trials), parameters

    def is_pruned(self, trial: Trial, step: int, value: float) -> bool:
        return False

    def finish(self, trial: Trial) -> None:
        """The trials that a sampler sees say it."""

    def elsewhere(self) -> list[Trial]:
        return []
