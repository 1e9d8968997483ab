"""The training step as a graph: traced for the first batch of a spec's data, shown, and measured."""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tfcli.data.stage import Batch
from tfcli.engine.function import ConcreteFunction
from tfcli.engine.graph.cost import Cost, cost_of
from tfcli.engine.graph.execute import Measured, Plan
from tfcli.engine.graph.ir import Node
from tfcli.errors import DataError
from tfcli.runner.session import Session, assemble
from tfcli.spec.load import LoadedSpec

OTHER = "(loss, metrics)"
Run = TypeVar("Run")


@dataclass(frozen=True)
class TracedStep:
    """A session, the size of the batch, the steps that train and predict, and the arrays that the first takes."""

    session: Session
    batch_size: int
    training: ConcreteFunction
    prediction: ConcreteFunction
    feeds: list[np.ndarray]


def trace_step(loaded: LoadedSpec) -> TracedStep:
    """Build the experiment and trace its steps; writes nothing. Raises InvalidSpec where execution is eager."""
    session = assemble(loaded)
    if session.experiment.execution == "eager":
        raise loaded.error_at(("execution",), "eager execution has no graph", "say graph")
    batch = next(iter(session.data.train.batches()), None)
    if batch is None:
        raise DataError("the train split has no batch to trace a step for")
    # As in training: with many steps, compiling them pays.
    session.trainer.expect_steps(session.experiment.train.steps_per_epoch or session.data.train.num_batches)
    return TracedStep(session, len(batch), *session.trainer.trace_steps(batch))


@dataclass(frozen=True)
class LayerCost:
    """A layer with the cost of its forward pass and the bytes of its output, for one batch."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    parameters: int
    flops: int
    activations: int
    inputs: tuple[str, ...]
    class_name: str


def layer_costs(step: TracedStep) -> list[LayerCost]:
    """One row for each layer, in order."""
    flops: dict[str, int] = defaultdict(int)
    for node in step.prediction.graph.nodes:
        flops[node.scope] += cost_of(node).flops
    rows = []
    for turn in step.session.network.steps:
        assert turn.spec is not None
        sizes = [step.batch_size, *(d or 1 for d in turn.spec.shape[1:])]
        parameters = sum(w.array.size for w in turn.layer.weights)
        memory = int(np.prod(sizes)) * turn.spec.dtype.size
        layer = turn.layer
        rows.append(
            LayerCost(
                turn.path,
                layer.type_name,
                tuple(turn.spec.shape),
                parameters,
                flops[turn.path],
                memory,
                tuple(turn.sources),
                type(layer).__name__,
            )
        )
    return rows


@dataclass(frozen=True)
class NodeRow:
    """One node as it is shown."""

    name: str
    op: str
    inputs: list[str]
    shape: str
    scope: str
    flops: int
    bytes: int


def node_rows(nodes: Iterable[Node]) -> list[NodeRow]:
    """The nodes in program order, numbered."""
    names: dict[int, str] = {}
    rows = []
    for number, node in enumerate(nodes):
        names.update({id(o): f"%{number}" + (f".{i}" if i else "") for i, o in enumerate(node.outputs)})
        cost = cost_of(node)
        inputs = [names[id(i)] for i in node.inputs]
        shape = ", ".join(str(o.spec) for o in node.outputs)
        rows.append(NodeRow(f"%{number}", repr(node.op), inputs, shape, node.scope, cost.flops, cost.bytes))
    return rows


def total_cost(nodes: Iterable[Node]) -> Cost:
    return sum((cost_of(node) for node in nodes), Cost(0, 0))


@dataclass(frozen=True)
class Share:
    """What several nodes took together, in seconds a step."""

    name: str
    seconds: float
    share: float
    calls: int
    flops: int

    @property
    def gflops(self) -> float:
        """Billions of floating point operations a second."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0


@dataclass(frozen=True)
class Profile:
    """Means over the quicker half of some steps: seconds a step, by op and by layer, and the part of it (0 to 1) that
    they name. `compiled`: whether kernels ran, or numpy.
    """

    steps: int
    seconds: float
    named: float
    peak_bytes: int
    variable_bytes: int
    compiled: bool
    ops: list[Share]
    layers: list[Share]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def profile_step(step: TracedStep, steps: int, warm_up: int = 2) -> tuple[Profile, list[Measured]]:
    """Run the step so often after some that do not count, and as often with a look at the clock after each op: the
    first tells how long a step takes, the others what it takes so long for. Variables change as in training; nothing is
    written.

    The slower half, in which other programs may have had the processor, is left out.
    """
    plan, trainer = step.training.plan, step.session.trainer
    batches, whole, runs = _full_batches(step), [], []
    for _ in range(warm_up + steps):
        started = time.perf_counter()
        trainer.train_batch(next(batches))
        whole.append(time.perf_counter() - started)
        started = time.perf_counter()
        arrays = trainer.arrays(next(batches))
        gathered = time.perf_counter()
        run = plan.measure(arrays)
        runs.append(replace(run, besides={"batch": (started, gathered), **run.besides}))
    quick = _quicker_half(whole[warm_up:], float)
    seconds = sum(quick) / len(quick)
    runs = _quicker_half(runs[warm_up:], lambda run: run.seconds)
    besides = _besides(runs, seconds)
    ops = _sorted([*_shares(runs, seconds, _op_name), *besides])
    layers = _sorted([*_shares(runs, seconds, lambda node: node.scope or OTHER), *besides])
    variables = sum(v.array.nbytes for v in step.training.variables)
    peak, compiled = max(run.peak for run in runs), not isinstance(plan, Plan)
    named = min(1.0, sum(s.share for s in ops))
    return Profile(steps, seconds, named, peak, variables, compiled, ops, layers), runs


def _full_batches(step: TracedStep) -> Iterator[Batch]:
    """The batches of training, epoch by epoch, of the size that the step was traced for."""
    for epoch in itertools.count():
        found = False
        for batch in step.session.data.train.batches(epoch, training=True):
            if len(batch) == step.batch_size:
                found = True
                yield batch
        assert found, "the batch that the step was traced for is one of them"


def _quicker_half(runs: Sequence[Run], seconds: Callable[[Run], float]) -> list[Run]:
    return sorted(runs, key=seconds)[: (len(runs) + 1) // 2]


def _parts(node: Node) -> tuple[Node, ...]:
    """The node, or those that one kernel does together in its place."""
    return node.op.parts(node) if hasattr(node.op, "parts") else (node,)


def _op_name(node: Node) -> str:
    return "+".join(part.op.name for part in _parts(node))


def _shares(runs: Sequence[Measured], total: float, key: Any) -> list[Share]:
    seconds: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)
    flops: dict[str, int] = defaultdict(int)
    for node in runs[0].nodes:
        calls[key(node)] += 1
        flops[key(node)] += total_cost(_parts(node)).flops
    for run in runs:
        for node, (start, end) in zip(run.nodes, run.spans, strict=True):
            seconds[key(node)] += (end - start) / len(runs)
    return [Share(name, s, s / total, calls[name], flops[name]) for name, s in seconds.items()]


def _besides(runs: Sequence[Measured], total: float) -> list[Share]:
    """What Python does for a step: its batch, telling where its inputs are, fetching its results."""
    means = {
        name: sum(run.besides[name][1] - run.besides[name][0] for run in runs) / len(runs) for name in runs[0].besides
    }
    return [Share(f"(python: {name})", seconds, seconds / total, 0, 0) for name, seconds in means.items()]


def _sorted(rows: Iterable[Share]) -> list[Share]:
    return sorted(rows, key=lambda row: -row.seconds)


def write_trace(path: Path, runs: Sequence[Measured]) -> None:
    """The runs as Chrome's trace events, for chrome://tracing and ui.perfetto.dev; times in microseconds."""
    runs = sorted(runs, key=lambda run: run.whole[0])
    start = runs[0].whole[0]
    events = [
        {
            "name": _op_name(node),
            "cat": node.scope or OTHER,
            "ph": "X",
            "pid": 1,
            "tid": 1,
            "ts": (begin - start) * 1e6,
            "dur": (end - begin) * 1e6,
            "args": {"op": repr(node.op), "layer": node.scope, "output": ", ".join(str(o.spec) for o in node.outputs)},
        }
        for run in runs
        for node, (begin, end) in zip(run.nodes, run.spans, strict=True)
    ]
    path.write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))
