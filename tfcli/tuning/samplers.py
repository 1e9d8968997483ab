"""Samplers of our own: the setting that a trial tries is a function of the seed, the trial's number and the trials
before it, so that a resumed study, or one with several workers, tries what it would have tried."""

from collections.abc import Sequence
from typing import Protocol

from tfcli.data.random import generator
from tfcli.tuning.space import Parameters, Space, identity
from tfcli.tuning.trial import Trial

_DRAWS = 1000
"""Draws of settings that were all tried, before looking through the space for one that was not."""


class Sampler(Protocol):
    """Proposes the settings of a search. A class of the user's own is made with the space and the seed too."""

    def propose(self, number: int, trials: Sequence[Trial]) -> Parameters | None:
        """The setting of trial `number`, given the trials so far, finished or not; None where there is no other
        left."""


class GridSampler:
    """Every combination, in the order of the spec's keys, the last of them changing fastest."""

    def __init__(self, space: Space, seed: int) -> None:
        assert space.size is not None, "checked with the spec"
        self.space = space

    def propose(self, number: int, trials: Sequence[Trial]) -> Parameters | None:
        return self.space.combination(number) if number < (self.space.size or 0) else None


class RandomSampler:
    """Settings drawn independently, none of them twice."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed

    def propose(self, number: int, trials: Sequence[Trial]) -> Parameters | None:
        tried = {identity(trial.parameters) for trial in trials}
        if len(tried) == self.space.size:
            return None
        rng = generator(self.seed, "trial", number)
        for _ in range(_DRAWS):
            parameters = self.space.draw(rng)
            if identity(parameters) not in tried:
                return parameters
        settings = map(self.space.combination, range(self.space.size or 0))
        return next((setting for setting in settings if identity(setting) not in tried), None)


SAMPLERS: dict[str, type[GridSampler] | type[RandomSampler]] = {"grid": GridSampler, "random": RandomSampler}
