"""The `tune:` section of a spec."""

from typing import Annotated, Any, Literal

from tfcli.declare import Declared, FieldError, FunctionName, PositiveFloat, PositiveInt, Range, nearest, plain, show

Direction = Literal["minimize", "maximize"]
Percentage = Annotated[float, Range(low=0, high=100)]
Several = Annotated[int, Range(low=2)]


class SamplerSpec(Declared, kind="sampler"):
    """Chooses the settings that a search tries. A class of your own is named as `"module:Class"`."""


class Grid(SamplerSpec):
    """Every combination, in the order of the keys, the last of them changing fastest."""


class Random(SamplerSpec):
    """Settings drawn independently, none of them twice."""


class Tpe(SamplerSpec):
    """Tree-structured Parzen estimator: draws where good settings are dense and bad ones are not."""

    n_startup_trials: PositiveInt = 10
    """So many settings are drawn at random first."""
    n_ei_candidates: PositiveInt = 24
    """Of so many candidates the best is taken."""
    multivariate: bool = False
    """Consider the keys together instead of one by one."""


class Cmaes(SamplerSpec):
    """Covariance matrix adaptation: for numbers, where some hundred trials can be afforded."""

    n_startup_trials: PositiveInt = 1
    sigma0: PositiveFloat | None = None
    """The first step's size; default: a sixth of the smallest range."""
    popsize: Several | None = None
    """Settings a generation; default: by the number of keys."""


class Qmc(SamplerSpec):
    """A quasi-random sequence, which fills the space more evenly than chance. Needs scipy: `tfcli[qmc]`."""

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: bool = True
    """Move the sequence by the seed."""


class Gp(SamplerSpec):
    """Gaussian process: for few, costly trials. Needs scipy and torch: `tfcli[gp]`."""

    n_startup_trials: PositiveInt = 10
    deterministic_objective: bool = False
    """Take the values for exact."""


class PrunerSpec(Declared, kind="pruner"):
    """Ends poor trials early. A class of your own is named as `"module:Class"`."""


class NoPruner(PrunerSpec, name="none"):
    """Each trial runs to its end."""


class Median(PrunerSpec):
    """Ends a trial whose best value so far is worse than the median of the others at that epoch."""

    n_startup_trials: PositiveInt = 5
    """None ends early before so many have finished."""
    n_warmup_steps: Annotated[int, Range(low=0)] = 0
    """No trial ends before this epoch is over."""
    interval_steps: PositiveInt = 1
    """Judge every so many epochs."""


class Percentile(Median):
    """Keeps the trials that are among the best `percentile` percent at their epoch."""

    percentile: Percentage = 25.0


class SuccessiveHalving(PrunerSpec):
    """At the epochs `min_resource`, times `reduction_factor`, …, only the best one in `reduction_factor` goes on."""

    min_resource: PositiveInt = 1
    reduction_factor: Several = 4
    min_early_stopping_rate: Annotated[int, Range(low=0)] = 0


class Hyperband(PrunerSpec):
    """Successive halving with several starting points; a trial's number decides for one."""

    min_resource: PositiveInt = 1
    max_resource: PositiveInt | None = None
    """The most epochs that a trial has; default: `train.epochs`."""
    reduction_factor: Several = 3


class SearchRange(Declared, name="range"):
    """The values that a search may give a key: `values`, or from `low` to `high`."""

    values: list[Any] | None = None
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    """Only `low`, `low + step`, `low + 2 step`, …"""
    log: bool = False
    """Draw the logarithm evenly, for values over several orders of magnitude."""
    when: dict[str, Any] = {}
    """Search this key only where other searched keys have these values; a list: one of them."""

    def check(self) -> None:
        if self.values is not None:
            self._check_values()
            return
        if self.low is None or self.high is None:
            missing = "`low` and `high`" if self.low is self.high else "`low`" if self.low is None else "`high`"
            raise FieldError((), f"a range needs {missing}, or else `values`", "as in `{low: 0.001, high: 0.1}`")
        if self.low >= self.high:
            raise FieldError("high", f"expected a number > {self.low:g} (its `low`), got {self.high:g}")
        if self.log and self.low <= 0:
            raise FieldError("low", f"expected a number > 0, as `log` is true, got {self.low:g}")
        if self.step is not None and self.step <= 0:
            raise FieldError("step", f"expected a number > 0, got {self.step:g}")
        if self.step is not None and self.log:
            raise FieldError("step", "does not go with `log: true`", "list the `values` instead")

    def _check_values(self) -> None:
        for name in ("low", "high", "step"):
            if getattr(self, name) is not None:
                raise FieldError(name, f"`{name}` does not go with `values`", "keep one of the two forms")
        if self.log:
            raise FieldError("log", "`log` does not go with `values`", "keep one of the two forms")
        if not self.values:
            raise FieldError("values", "the list of values is empty")

    @property
    def is_countable(self) -> bool:
        between_integers = isinstance(self.low, int) and isinstance(self.high, int) and not self.log
        return self.values is not None or self.step is not None or between_integers

    def wanted(self, path: str) -> list[Any]:
        """The values of the key `path` with which this one is searched."""
        values = self.when[path]
        return values if isinstance(values, list) else [values]

    def spec(self) -> dict[str, Any]:
        """Only the keys of its own form."""
        if self.values is not None:
            own: dict[str, Any] = {"values": plain(self.values)}
        else:
            own = {"low": self.low, "high": self.high, "step": self.step, "log": self.log}
        return own | ({"when": plain(self.when)} if self.when else {})


class Limits(Declared, name="limits"):
    """The values of a result that are allowed."""

    low: int | float | None = None
    high: int | float | None = None

    def check(self) -> None:
        if self.low is None and self.high is None:
            raise FieldError((), "a constraint needs `low`, `high` or both", "as in `{high: 10000}`")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise FieldError("high", f"expected a number >= {self.low:g} (its `low`), got {self.high:g}")

    def violation(self, value: float) -> float:
        """How far `value` is outside; 0 or less: it is allowed."""
        below = self.low - value if self.low is not None else -float("inf")
        above = value - self.high if self.high is not None else -float("inf")
        return max(below, above)


class TuneSpec(Declared, name="tune"):
    """A search over keys of this spec."""

    sampler: FunctionName | SamplerSpec = "random"  # type: ignore[assignment]
    """How settings are chosen."""
    trials: PositiveInt | None = None
    """How many settings to try; default for `grid`: all."""
    objective: str | list[str] = "val_loss"
    """The reported value that decides, or `parameters`, the number of weights; several: their Pareto front."""
    direction: Direction | list[Direction] | None = None
    """Default: `maximize` for metrics that are better high, such as accuracy, else `minimize`."""
    constraints: dict[str, Limits] = {}
    """Limits for reported values and `parameters`; a trial outside of them is never the best."""
    pruner: FunctionName | PrunerSpec = "none"  # type: ignore[assignment]
    """Whether poor trials end early; `none`: each runs to its end."""
    folds: Several | None = None
    """Train each setting so many times, each part of the examples once as validation split; its value is the mean."""
    repeats: PositiveInt = 1
    """Train each setting with so many seeds, from the spec's on; its value is the mean."""
    timeout: PositiveFloat | None = None
    """Seconds after which no new trial starts."""
    space: dict[str, SearchRange]
    """Dotted paths into this spec, a layer by its name or index, each with the values to try."""

    @property
    def objectives(self) -> list[str]:
        return [self.objective] if isinstance(self.objective, str) else self.objective

    @property
    def directions(self) -> list[Direction | None]:
        """One for each objective; None: by its metric."""
        if isinstance(self.direction, list):
            return list(self.direction)
        return [self.direction] * len(self.objectives)

    @property
    def prunes(self) -> bool:
        return not isinstance(self.pruner, NoPruner)

    def check(self) -> None:
        if not self.space:
            raise FieldError("space", "the search space is empty", "as in `train.epochs: {values: [5, 10]}`")
        self._check_objectives()
        self._check_sampler()
        for path in self.space:
            self._check_when(path)

    def _check_objectives(self) -> None:
        names = self.objectives
        if not names:
            raise FieldError("objective", "the list of objectives is empty")
        twice = next((i for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise FieldError(("objective", twice), f"`{names[twice]}` is named twice")
        if isinstance(self.direction, list) and len(self.direction) != len(names):
            counts = f"{len(self.direction)} for {len(names)} objectives"
            raise FieldError("direction", f"expected a direction for each objective, got {counts}")
        if len(names) > 1 and self.prunes:
            raise FieldError("pruner", "a pruner judges by one objective, and there are several", "leave it out")

    def _check_sampler(self) -> None:
        sampler = self.sampler
        kind = "own" if isinstance(sampler, str) else sampler.type_name
        if kind != "grid" and self.trials is None and self.timeout is None:
            raise FieldError((), f"a search by `{kind}` needs `trials` or `timeout`", "for example `trials: 20`")
        if isinstance(sampler, Cmaes) and len(self.objectives) > 1:
            raise FieldError("sampler", "`cmaes` knows one objective, and there are several", "or choose `tpe`")
        for path, values in self.space.items():
            if isinstance(sampler, Grid) and not values.is_countable:
                raise FieldError(("space", path), "a grid needs `values` or a `step`", "or choose `sampler: random`")
            if isinstance(sampler, Cmaes | Qmc) and values.when:
                hint = "or choose `tpe` or `random`"
                raise FieldError(("space", path, "when"), f"`{kind}` searches all keys at once, without `when`", hint)

    def _check_when(self, path: str) -> None:
        earlier = list(self.space)[: list(self.space).index(path)]
        for other in self.space[path].when:
            place = ("space", path, "when", other)
            if other not in earlier:
                what = "comes no earlier in `space`" if other in self.space else "is not searched"
                raise FieldError(place, f"`{other}` {what}", nearest(other, earlier) or "conditions are on keys above")
            known = self.space[other].values
            for value in self.space[path].wanted(other):
                if known is not None and value not in known:
                    listed = ", ".join(show(item) for item in known)
                    raise FieldError(place, f"`{other}` is never {show(value)}", f"its values are {listed}")
