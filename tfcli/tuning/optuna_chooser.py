"""Optuna chooses settings and ends poor trials.

Its study lives in memory and is made anew from our files by asking and telling once more in the order of the first
time: a sampler's random numbers depend on the seed and on what it was asked and told, so it goes on as if it had not
stopped. With a `storage` the study lives there instead, and several machines ask and tell it.
"""

import contextlib
import platform
import warnings
from collections.abc import Iterator
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tfcli.tuning.optuna_keys import decode, encode, suggest
from tfcli.tuning.optuna_parts import Given, make_pruner, make_sampler, open_storage
from tfcli.tuning.samplers import RandomSampler, Sampler
from tfcli.tuning.space import Parameters, Space, identity
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

_ATTEMPTS = 20
"""Proposals of settings that were tried before, until one is drawn that was not."""
_STATES = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
_OUR_STATES: dict[TrialState, Any] = {theirs: ours for ours, theirs in _STATES.items()}
_WITHDRAWN = "withdrawn"
"""The mark of a trial that was asked for and not run, since its setting is another's."""


class OptunaChooser:
    """A study of Optuna's beside ours; both number trials alike where there is no storage."""

    def __init__(self, study: Study, space: Space, own: Sampler | None) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study, self.space, self.own = study, space, own
        self.fallback = RandomSampler(space, study.loaded.experiment.seed)
        with _quietly():
            self.optuna = optuna.create_study(
                study_name=study.loaded.experiment.name,
                storage=open_storage(study.storage),
                sampler=Given() if own else make_sampler(study),
                pruner=make_pruner(study),
                directions=[objective.direction for objective in study.objectives],
                load_if_exists=study.storage is not None,
            )
        self.asked: dict[int, optuna.Trial] = {}
        if study.storage is None:
            self._replay(study.trials)
        else:
            self._rejoin()

    # asking

    def propose(self) -> tuple[int, Parameters] | None:
        """A setting that was not tried, here or elsewhere."""
        with _quietly():
            for _ in range(_ATTEMPTS):
                if self._is_exhausted():
                    return None
                asked = self._ask(len(self.study.trials))
                if asked is None:
                    return None
                number, parameters = asked
                if self._accept(number, parameters):
                    return None if self._is_beyond(number) else asked
            return self._propose_other()

    def _is_beyond(self, number: int) -> bool:
        """Whether other machines asked for the last trials in the same moment."""
        wanted = self.study.wanted
        earlier = sum(trial.number < number for trial in self.study.everywhere)
        if self.study.storage is None or wanted is None or earlier < wanted:
            return False
        trial = self.asked.pop(number)
        trial.set_user_attr(_WITHDRAWN, True)
        self.optuna.tell(trial, state=TrialState.FAIL)
        return True

    def _is_exhausted(self) -> bool:
        tried = {identity(trial.parameters) for trial in self.study.everywhere}
        return self.space.size is not None and len(tried) >= self.space.size

    def _propose_other(self) -> tuple[int, Parameters] | None:
        """One drawn at random, where the sampler insists on what was tried."""
        parameters = self.fallback.propose(len(self.study.trials), self.study.everywhere)
        if parameters is None:
            return None
        asked = self._ask(len(self.study.trials), parameters)
        assert asked is not None, "it was given"
        return asked if self._accept(*asked) else None

    def _ask(self, number: int, given: Parameters | None = None) -> tuple[int, Parameters] | None:
        """The sampler's next setting, or the one `given`."""
        if given is not None:
            self.optuna.enqueue_trial(self._encoded(given))
        trial = self.optuna.ask()
        if self.study.storage is not None:
            number = trial.number
            self.study.elsewhere = self.elsewhere()
        if self.own is not None and given is None:
            parameters = self.own.propose(number, self.study.everywhere)
            if parameters is None:
                self.optuna.tell(trial, state=TrialState.FAIL)
                return None
            assert isinstance(self.optuna.sampler, Given)
            self.optuna.sampler.values = self._encoded(parameters)
        self.asked[number] = trial
        return number, self._suggest(trial)

    def _suggest(self, trial: optuna.Trial) -> Parameters:
        chosen: Parameters = {}
        for key in self.space.keys:
            if key.is_active(chosen):
                chosen[key.path] = decode(key, suggest(trial, key))
        return chosen

    def _accept(self, number: int, parameters: Parameters) -> bool:
        """Whether the setting is new; else the trial is told what its twin came to, and not run."""
        trial = self.asked[number]
        same = identity(parameters)
        if self.study.storage is not None:
            trial.set_user_attr("study", _place(self.study))
            trial.set_user_attr("parameters", parameters)
            self.study.elsewhere = self.elsewhere()
        twins = (t for t in self.study.everywhere if t.number < number and identity(t.parameters) == same)
        twin = next(twins, None)
        if twin is None:
            return True
        trial.set_user_attr(_WITHDRAWN, True)
        self._tell(trial, twin)
        del self.asked[number]
        return False

    # telling

    def is_pruned(self, trial: Trial, step: int, value: float) -> bool:
        asked = self.asked[trial.number]
        with _quietly():
            asked.report(value, step)
            return bool(asked.should_prune())  # numpy's own kind of truth otherwise

    def finish(self, trial: Trial) -> None:
        with _quietly():
            self._tell(self.asked[trial.number], trial)

    def _tell(self, asked: optuna.Trial, trial: Trial) -> None:
        values = [trial.values[objective.name] for objective in self.study.objectives] if trial.values else None
        if trial.violations:
            asked.set_user_attr("violations", list(trial.violations.values()))
        if self.study.storage is not None:
            asked.set_user_attr("run", f"{_place(self.study)}/{trial.run}")
            asked.set_user_attr("seconds", trial.seconds)
        state = _STATES.get(trial.state, TrialState.FAIL)
        # A pruned trial's value is what it reported last, which Optuna has.
        values = values if state == TrialState.COMPLETE else None
        self.optuna.tell(asked, values, state=state, skip_if_finished=self.study.storage is not None)

    # going on

    def _replay(self, trials: list[Trial]) -> None:
        """Ask and tell as the first time: each trial was asked for when `after` others had ended."""
        ended = sorted((t for t in trials if t.ended is not None), key=lambda t: t.ended or 0)
        self.study.trials, told = [], 0
        for trial in trials:
            for earlier in ended[told : trial.after]:
                self._tell_all(earlier)
            told = max(told, trial.after)
            self._ask_again(trial)
            self.study.trials.append(trial)
        for earlier in ended[told:]:
            self._tell_all(earlier)

    def _ask_again(self, trial: Trial) -> None:
        proposed = self.propose()
        if proposed == (trial.number, trial.parameters):
            return
        with _quietly():  # another version of Optuna chose otherwise: what was run stands
            if proposed is not None:
                self.optuna.tell(self.asked.pop(proposed[0]), state=TrialState.FAIL)
            self._ask(trial.number, trial.parameters)

    def _tell_all(self, trial: Trial) -> None:
        for step, value in trial.reports:
            self.is_pruned(trial, int(step), value)
        self.finish(trial)

    # several machines

    def _rejoin(self) -> None:
        """Find our trials in the storage; what was asked for and not noted in our files is ours all the same."""
        known = {trial.number: trial for trial in self.study.trials}
        for frozen in self._in_storage():
            if frozen.user_attrs.get("study") != _place(self.study):
                continue
            self.asked[frozen.number] = optuna.Trial(self.optuna, frozen._trial_id)
            if frozen.number not in known and not frozen.state.is_finished():
                self.study.trials.append(Trial(frozen.number, frozen.user_attrs["parameters"]))
            elif frozen.number in known and known[frozen.number].is_finished and not frozen.state.is_finished():
                self.finish(known[frozen.number])
        self.study.elsewhere = self.elsewhere()

    def _in_storage(self) -> list[FrozenTrial]:
        trials = self.optuna.get_trials(deepcopy=False)
        return [t for t in trials if "parameters" in t.user_attrs and not t.user_attrs.get(_WITHDRAWN)]

    def elsewhere(self) -> list[Trial]:
        if self.study.storage is None:
            return []
        return [_ours(t, self.study) for t in self._in_storage() if t.user_attrs["study"] != _place(self.study)]

    def _encoded(self, parameters: Parameters) -> dict[str, Any]:
        return {key.path: encode(key, parameters[key.path]) for key in self.space.keys if key.path in parameters}


def _place(study: Study) -> str:
    return f"{platform.node()}:{study.run.path.resolve()}"


def _ours(frozen: FrozenTrial, study: Study) -> Trial:
    trial = Trial(frozen.number, frozen.user_attrs["parameters"], _OUR_STATES.get(frozen.state, "running"))
    if frozen.state == TrialState.COMPLETE:
        trial.values = {o.name: value for o, value in zip(study.objectives, frozen.values, strict=True)}
        trial.value = frozen.values[0]
    names = study.loaded.experiment.tune.constraints
    trial.violations = dict(zip(names, frozen.user_attrs.get("violations", []), strict=False))
    trial.seconds = frozen.user_attrs.get("seconds", 0.0)
    trial.run = frozen.user_attrs.get("run")
    return trial


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Optuna warns of what is still experimental to it, and of what we choose knowingly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
