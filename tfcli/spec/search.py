"""The `tune:` section of a spec."""

from typing import Annotated, Any, Literal

from tfcli.declare import Declared, FieldError, Hints, PositiveFloat, PositiveInt, plain


class SearchRange(Declared, name="range"):
    """The values that a search may give a key: `values`, or from `low` to `high`."""

    values: list[Any] | None = None
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    """Only `low`, `low + step`, `low + 2 step`, …"""
    log: bool = False
    """Draw the logarithm evenly, for values over several orders of magnitude."""

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

    def spec(self) -> dict[str, Any]:
        """Only the keys of its own form."""
        if self.values is not None:
            return {"values": plain(self.values)}
        return {"low": self.low, "high": self.high, "step": self.step, "log": self.log}


_LATER_SAMPLER = "this version searches with `random` (or `grid`)"


_PRUNERS = ("median", "hyperband", "successive_halving")
_NO_PRUNER = "in this version each trial runs to its end"


class TuneSpec(Declared, name="tune"):
    """A search over keys of this spec."""

    sampler: Annotated[
        Literal["grid", "random"],
        Hints({"tpe": _LATER_SAMPLER, "cmaes": _LATER_SAMPLER, "qmc": _LATER_SAMPLER, "gp": _LATER_SAMPLER}),
    ] = "random"
    trials: PositiveInt | None = None
    """How many settings to try; default for `grid`: all."""
    objective: str = "val_loss"
    """The reported value that decides."""
    direction: Literal["minimize", "maximize"] | None = None
    """Default: `maximize` for metrics that are better high, such as accuracy, else `minimize`."""
    pruner: Annotated[Literal["none"], Hints(dict.fromkeys(_PRUNERS, _NO_PRUNER))] = "none"
    """Whether poor trials end early; `none`: each runs to its end."""
    timeout: PositiveFloat | None = None
    """Seconds after which no new trial starts."""
    space: dict[str, SearchRange]
    """Dotted paths into this spec, a layer by its name or index, each with the values to try."""

    def check(self) -> None:
        if not self.space:
            raise FieldError("space", "the search space is empty", "as in `train.epochs: {values: [5, 10]}`")
        if self.sampler == "random" and self.trials is None and self.timeout is None:
            raise FieldError((), "a random search needs `trials` or `timeout`", "for example `trials: 20`")
        for path, values in self.space.items():
            if self.sampler == "grid" and not values.is_countable:
                raise FieldError(("space", path), "a grid needs `values` or a `step`", "or choose `sampler: random`")
