"""The training step as a graph: traced for the first batch of a spec's data."""

from dataclasses import dataclass
from typing import Any

from tfcli.engine import nest
from tfcli.engine.function import ConcreteFunction
from tfcli.engine.tensor import Tensor
from tfcli.errors import SpecError
from tfcli.runner.session import Session, assemble
from tfcli.spec.load import LoadedSpec


@dataclass(frozen=True)
class TracedStep:
    """A session, the batch, and what its step became: `training` and `prediction`."""

    session: Session
    batch: Any
    training: ConcreteFunction
    prediction: ConcreteFunction

    def feeds(self) -> list[Any]:
        """The arrays that the training step takes, in order."""
        leaves = nest.flatten(self.session.trainer.step_arguments(self.batch))
        return [leaf.array for leaf in leaves if isinstance(leaf, Tensor)]


def trace_step(loaded: LoadedSpec) -> TracedStep:
    """Build the experiment and trace its step; nothing is trained or written. Raises SpecError where execution is eager."""
    session = assemble(loaded)
    if session.experiment.execution == "eager":
        raise loaded.error_at(("execution",), "eager execution has no graph", "leave `execution` out, or say graph")
    batch = next(iter(session.data.train.batches()), None)
    if batch is None:
        raise SpecError("the train split has no batch to trace a step for")
    training, prediction = session.trainer.concrete_steps(batch)
    return TracedStep(session, batch, training, prediction)
