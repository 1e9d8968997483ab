"""The memory that training takes: foretold, held against what there is, and explained where it runs out."""

import os
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from pathlib import Path, PurePosixPath

import numpy as np

from tfcli.declare.sizes import bytes_of, size
from tfcli.engine import nest
from tfcli.engine.function import ConcreteFunction
from tfcli.engine.graph.cost import cost_of
from tfcli.engine.graph.execute import needed
from tfcli.engine.graph.ir import Node
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor
from tfcli.errors import TrainingError
from tfcli.models.network import Network
from tfcli.models.trainer import Batch
from tfcli.runner.session import Session

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_GROUPS = "/sys/fs/cgroup"
_NAMED = 3
"""Layers that a message names."""
_SAFE = 0.9
"""Of the room that there is, a batch size is suggested that fills this part."""


@dataclass(frozen=True)
class Memory:
    """Bytes while training at the batch size: an estimate, since buffers are shared and freed on the way."""

    weights: int
    optimizer: int
    activations: int
    peak: int = 0
    """The whole process at its most."""

    @property
    def total(self) -> int:
        return self.weights + self.optimizer + self.activations

    @property
    def saved(self) -> int:
        """What a checkpoint takes while it is written: the arrays' bytes, and the file's."""
        return 2 * (self.weights + self.optimizer)


def memory_of(session: Session, batch: Batch) -> Memory:
    """Each layer's output is kept for the backward pass, and has a gradient of its own size."""
    weights = sum(weight.array.nbytes for weight in session.network.weights)
    optimizer = sum(variable.array.nbytes for variable in session.trainer.variables()["optimizer"].values())
    return Memory(weights, optimizer, 2 * _output_bytes(session.network, batch))


def _output_bytes(network: Network, batch: Batch) -> int:
    """The layers' outputs for a batch; a size that varies is taken to be the largest that varies in the inputs."""
    known = [size for spec in network.inputs.values() for size in spec.shape[1:]]
    given = [size for array in batch.inputs.values() for size in array.shape[1:]]
    length = max((g for k, g in zip(known, given, strict=True) if k is None), default=1)
    shapes = [[length if size is None else size for size in step.spec.shape[1:]] for step in network.steps if step.spec]
    itemsize = np.dtype(network.floatx).itemsize
    return sum(_examples(batch) * prod(shape) * itemsize for shape in shapes)


def _examples(batch: Batch) -> int:
    return len(next(iter(batch.inputs.values())))


# what there is


@dataclass(frozen=True)
class Process:
    """Bytes of this process: in memory now, in memory at most so far, and of addresses."""

    resident: int
    peak: int
    addresses: int

    @classmethod
    def now(cls) -> "Process":
        """What the kernel counts now."""
        # getrusage's peak begins with that of the process that forked this one: the second choice.
        found = dict(line.split(":", 1) for line in _text("/proc/self/status").splitlines())
        if "VmHWM" not in found:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
            return cls(peak, peak, peak)
        return cls(*(1024 * int(found[name].split()[0]) for name in ("VmRSS", "VmHWM", "VmSize")))


@dataclass(frozen=True)
class Limit:
    """So many bytes may be in memory, and what says so."""

    bytes: int
    name: str


def limit_of(declared: str | int | None) -> Limit:
    """The least of what the spec allows, what shell and container allow, and what the machine has."""
    limits = [Limit(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "this machine")]
    allowed = bytes_of(declared) if declared is not None else None
    if allowed is not None:
        limits.append(Limit(allowed, "train.memory_limit"))
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY:
        process = Process.now()
        limits.append(Limit(addresses - process.addresses + process.resident, "`ulimit -v`"))
    limits += [Limit(allowed, "this container") for allowed in _container_limits()]
    return min(limits, key=lambda limit: limit.bytes)


def _container_limits() -> Iterator[int]:
    """What the control groups of this process, and those that these are in, allow."""
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top, name = (f"{_GROUPS}/memory", "memory.limit_in_bytes") if controllers else (_GROUPS, "memory.max")
        for folder in (PurePosixPath(group), *PurePosixPath(group).parents):
            allowed = _text(f"{top}{folder}/{name}").strip()
            if allowed.isdecimal():
                yield int(allowed)


def _text(path: str) -> str:
    """What the kernel says there; nothing where it has no such file."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


# what training takes


@dataclass(frozen=True)
class Demand:
    """Bytes before a step, for the values of one, by layer where the most of them live at once, and for saving."""

    before: int
    step: int
    layers: dict[str, int]
    saved: int
    batch_size: int

    @property
    def peak(self) -> int:
        return self.before + self.step + self.saved

    def advice(self, limit: Limit) -> str:
        """What takes the most, and what to shrink."""
        largest = Counter(self.layers).most_common(_NAMED)
        named = ", ".join(f"{place} {size(count)}" for place, count in largest)
        return (
            f"the values of a step at batch size {self.batch_size} take {size(self.step)}"
            + (f" ({named})" if named else "")
            + f", weights and optimizer while they are saved {size(self.saved)}, the program and the data "
            f"{size(self.before)}; {self._remedy(limit)}"
        )

    def _remedy(self, limit: Limit) -> str:
        room = limit.bytes - self.before - self.saved
        fitting = int(_SAFE * self.batch_size * room / self.step) if self.step else 0
        if fitting >= 1:
            return f"try batch_size {min(_round(fitting), max(self.batch_size // 2, 1))}, or smaller layers"
        if self.before > limit.bytes:
            return "the program and the data alone are more than that: allow more, or take less data"
        return "no batch_size is small enough: the layers have to have fewer weights"


def _round(count: int) -> int:
    """The power of two below, which batch sizes mostly are."""
    return 1 << (count.bit_length() - 1)


def demand_of(session: Session, batch: Batch) -> Demand:
    """What training on batches like this one takes. The step is traced, as training will do it, and not run."""
    memory = memory_of(session, batch)
    traced = session.trainer.traced_step(batch)
    step, layers = _fullest(traced) if traced is not None else (memory.activations, {})
    return Demand(Process.now().resident, step, layers, memory.saved, _examples(batch))


@dataclass
class _Value:
    """A value of a graph: its bytes, the layer that it belongs to, and between which nodes it lives."""

    bytes: int
    scope: str
    first: int
    last: int


def _fullest(traced: ConcreteFunction) -> tuple[int, dict[str, int]]:
    """The bytes of the values of a step where the most live at once: in all, and by layer."""
    fetches = [leaf for leaf in nest.flatten(traced.outputs) if isinstance(leaf, Tensor)]
    nodes = needed(traced.graph, fetches, True, traced.graph.inputs)
    values = _lifetimes(nodes)
    changes = [0] * (len(nodes) + 1)
    for value in values:
        changes[value.first] += value.bytes
        changes[value.last + 1] -= value.bytes
    alive = list(accumulate(changes))
    fullest = int(np.argmax(alive))
    layers: Counter[str] = Counter()
    for value in values:
        if value.first <= fullest <= value.last:
            layers[f"`{value.scope}`" if value.scope else "loss and metrics"] += value.bytes
    return alive[fullest], dict(layers)


def _lifetimes(nodes: list[Node]) -> list[_Value]:
    """The values that have memory of their own; a view lengthens the life of what it is of."""
    values: list[_Value] = []
    owner: dict[int, _Value] = {}
    for i, node in enumerate(nodes):
        owners = [owner[id(source)] for source in node.inputs if id(source) in owner]
        for value in owners:
            value.last = i
        is_view = cost_of(node).bytes == 0
        for output in node.outputs:
            if not is_view:
                values.append(_Value(_bytes(output.spec), node.scope, i, i))
                owner[id(output)] = values[-1]
            elif owners:
                owner[id(output)] = owners[0]
    return values


def _bytes(spec: TensorSpec) -> int:
    return prod(1 if length is None else length for length in spec.shape or ()) * spec.dtype.size


class Watch:
    """Holds a training to its limit: before the first step on batches of a shape, and after each step.

    The process is looked at where the spec has a limit alone: any other the system sees to itself.
    """

    def __init__(self, session: Session) -> None:
        declared = session.experiment.train.memory_limit
        self._session, self._limit = session, limit_of(declared)
        self._is_declared = declared is not None
        self._peak_before = Process.now().peak
        self._shapes: set[tuple[tuple[int, ...], ...]] = set()
        self._demand: Demand | None = None

    def before_step(self, batch: Batch) -> None:
        """Raises TrainingError where the step on such a batch will not fit."""
        shapes = tuple([array.shape for array in batch.inputs.values()])
        if shapes in self._shapes:
            return
        self._shapes.add(shapes)
        demand = demand_of(self._session, batch)
        if self._demand is None or demand.step > self._demand.step:
            self._demand = demand
        if demand.peak > self._limit.bytes:
            raise TrainingError(self._too_much("would take about", demand.peak))

    def after_step(self) -> None:
        """Raises TrainingError where the process has taken more than the spec allows."""
        if not self._is_declared:
            return
        process = Process.now()
        # A peak from before, which this training has not passed, is none of its own.
        taken = process.peak if process.peak > self._peak_before else process.resident
        if taken > self._limit.bytes:
            raise TrainingError(self._too_much("has taken", taken))

    def warning(self, peak: int) -> str | None:
        """What to say of a training that is foretold to take `peak` bytes; None where they are there."""
        return self._too_much("will take about", peak) if peak > self._limit.bytes else None

    def _too_much(self, verb: str, count: int) -> str:
        allowed = f"the {size(self._limit.bytes)} of {self._limit.name}"
        return f"training {verb} {size(count)} of memory, more than {allowed}: {self.advice()}"

    def advice(self) -> str:
        """What takes the most, and what to shrink, as far as is known by now."""
        if self._demand is None:
            return "try a smaller batch_size, or a smaller model"
        return self._demand.advice(self._limit)
