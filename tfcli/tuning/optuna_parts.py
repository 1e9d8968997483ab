"""Optuna's samplers, pruners and storages as a spec declares them."""

from importlib.util import find_spec
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from tfcli.errors import SpecError
from tfcli.spec import search as declared
from tfcli.tuning.choosing import load_own
from tfcli.tuning.study import Study


class Given(optuna.samplers.BaseSampler):
    """Suggests what one of our own samplers chose."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.values[param_name]


def make_sampler(study: Study) -> optuna.samplers.BaseSampler:
    """The declared sampler, with the spec's seed. Raises InvalidSpec where what it needs is not installed."""
    tune, seed = study.loaded.experiment.tune, study.loaded.experiment.seed
    constraints = _violations if tune.constraints else None
    match tune.sampler:
        case declared.Tpe(n_startup_trials=first, n_ei_candidates=candidates, multivariate=multivariate):
            return optuna.samplers.TPESampler(
                n_startup_trials=first,
                n_ei_candidates=candidates,
                multivariate=multivariate,
                group=multivariate and any(values.when for values in tune.space.values()),
                seed=seed,
                constraints_func=constraints,
            )
        case declared.Cmaes(n_startup_trials=first, sigma0=sigma0, popsize=popsize):
            _require(study, "cmaes", ["cmaes"], "cmaes")
            return optuna.samplers.CmaEsSampler(sigma0=sigma0, n_startup_trials=first, popsize=popsize, seed=seed)
        case declared.Qmc(qmc_type=kind, scramble=scramble):
            _require(study, "qmc", ["scipy"], "tfcli[qmc]")
            return optuna.samplers.QMCSampler(qmc_type=kind, scramble=scramble, seed=seed)
        case declared.Gp(n_startup_trials=first, deterministic_objective=exact):
            _require(study, "gp", ["scipy", "torch"], "tfcli[gp]")
            return optuna.samplers.GPSampler(
                n_startup_trials=first, deterministic_objective=exact, seed=seed, constraints_func=constraints
            )  # keys with `when` it draws at random
    raise AssertionError("the others are our own")


def _violations(trial: FrozenTrial) -> list[float]:
    return trial.user_attrs.get("violations", [])


def _require(study: Study, sampler: str, modules: list[str], package: str) -> None:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        message = f"`{sampler}` needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not here"
        raise study.loaded.error_at(("tune", "sampler"), message, f"install with: pip install '{package}'")


def make_pruner(study: Study) -> optuna.pruners.BasePruner:
    """The declared pruner. Raises InvalidSpec where the user's own is none."""
    tune = study.loaded.experiment.tune
    match tune.pruner:
        case str():
            pruner = load_own(study, "pruner", tune.pruner)()
            if not isinstance(pruner, optuna.pruners.BasePruner):
                what = "is no pruner: derive it from optuna.pruners.BasePruner"
                raise study.loaded.error_at(("tune", "pruner"), f"{tune.pruner} {what}")
            return pruner
        case declared.Percentile(
            percentile=percentile, n_startup_trials=n, n_warmup_steps=warmup, interval_steps=every
        ):
            return optuna.pruners.PercentilePruner(percentile, n, warmup, every)
        case declared.Median(n_startup_trials=n, n_warmup_steps=warmup, interval_steps=every):
            return optuna.pruners.MedianPruner(n, warmup, every)
        case declared.SuccessiveHalving(min_resource=low, reduction_factor=factor, min_early_stopping_rate=rate):
            return optuna.pruners.SuccessiveHalvingPruner(low, factor, rate)
        case declared.Hyperband(min_resource=low, max_resource=high, reduction_factor=factor):
            steps = len(study.parts) if len(study.parts) > 1 else study.loaded.experiment.train.epochs
            return optuna.pruners.HyperbandPruner(low, high or steps, factor)
    return optuna.pruners.NopPruner()


def open_storage(url: str | None) -> Any:
    """A storage for an URL: `journal:FILE`, or a database's as SQLAlchemy writes it. Raises SpecError."""
    if url is None:
        return None
    if url.startswith("journal:"):
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(url.removeprefix("journal:").replace("///", "/", 1)))
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        return optuna.storages.RDBStorage(url)
    except (ArgumentError, SQLAlchemyError, ImportError) as error:
        hint = "give `sqlite:///study.db`, `postgresql://…` or `journal:study.log`"
        raise SpecError(f"--storage {url}: {str(error).splitlines()[0]}; {hint}") from error
