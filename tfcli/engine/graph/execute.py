"""Running a graph: a flat list of forward calls over numbered slots, each value dropped after its last use."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node
from tfcli.engine.tensor import Tensor


class Plan:
    """What has to run, in which order, to get `fetches` from feeds; made once and run many times.

    With `effects`, whatever changes a variable or prints runs as well, as in a traced function; without, only what the
    fetches and `targets` need. `feeds` are the graph's inputs unless others are given: any symbol may be fed, and then
    what makes it does not run.
    """

    def __init__(
        self,
        graph: Graph,
        fetches: Sequence[Tensor],
        effects: bool = True,
        feeds: Sequence[Tensor] | None = None,
        targets: Sequence[Node] = (),
    ) -> None:
        self.graph = graph
        fed = list(graph.inputs if feeds is None else feeds)
        nodes = needed(graph, fetches, effects, fed, targets)
        first = {id(node): 0 for node in nodes}
        slot: dict[int, int] = {}
        count = len(fed)
        for node in nodes:
            first[id(node)] = count
            slot.update({id(o): count + i for i, o in enumerate(node.outputs)})
            count += len(node.outputs)
        slot.update({id(symbol): i for i, symbol in enumerate(fed)})
        self._fed = len(fed)
        self._initial: list[Any] = [None] * count
        self._fetches = [slot[id(f)] for f in fetches]
        running = self.nodes = [node for node in nodes if not isinstance(node.op, Constant)]
        for node in nodes:
            if isinstance(node.op, Constant):
                self._initial[first[id(node)]] = node.op.value
        dead = self._last_uses(running, slot)
        self._steps: list[tuple[Callable[..., Any], tuple[int, ...], int, int, tuple[int, ...]]] = [
            (
                node.op.forward,  # type: ignore[attr-defined]
                tuple(slot[id(x)] for x in node.inputs),
                first[id(node)],
                len(node.outputs),
                dead[i],
            )
            for i, node in enumerate(running)
        ]

    def _last_uses(self, running: list[Node], slot: dict[int, int]) -> list[tuple[int, ...]]:
        """For each step, the slots that nobody reads after it."""
        kept = {i for i, value in enumerate(self._initial) if value is not None} | set(self._fetches)
        last: dict[int, int] = {}
        for i, node in enumerate(running):
            for value in (*node.inputs, *node.outputs):
                last[slot[id(value)]] = i
        dead: list[list[int]] = [[] for _ in running]
        for place, i in last.items():
            if place not in kept:
                dead[i].append(place)
        return [tuple(places) for places in dead]

    def run(self, feeds: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The fetched arrays. `feeds` are in the order of the graph's inputs."""
        assert len(feeds) == self._fed, f"{len(feeds)} arrays for {self._fed} inputs"
        values = self._initial.copy()
        values[: self._fed] = feeds
        for forward, inputs, output, count, dead in self._steps:
            result = forward(*[values[i] for i in inputs])
            if count == 1:
                values[output] = result[0] if isinstance(result, tuple) else result
            else:
                values[output : output + count] = result
            for i in dead:
                values[i] = None
        return [np.asarray(values[i]) for i in self._fetches]

    def measure(self, feeds: Sequence[np.ndarray]) -> "Measured":
        """Run once with a look at the clock and the memory after each node."""
        started = time.perf_counter()
        values = self._initial.copy()
        values[: self._fed] = feeds
        times, live, peak = [time.perf_counter()], 0, 0
        for forward, inputs, output, count, dead in self._steps:
            result = forward(*[values[i] for i in inputs])
            values[output : output + count] = result if count > 1 or isinstance(result, tuple) else (result,)
            live += sum(_own_bytes(value) for value in values[output : output + count])
            peak = max(peak, live)
            for i in dead:
                live -= _own_bytes(values[i]) if i >= self._fed else 0
                values[i] = None
            times.append(time.perf_counter())
        return Measured(self.nodes, list(pairwise(times)), (started, time.perf_counter()), peak)


@dataclass(frozen=True)
class Measured:
    """A plan's run: its nodes, the clock at each one's begin and end, in seconds, that of the whole run, and the most
    bytes of live results. `besides`: the clock at the begin and end of what belongs to no node.
    """

    nodes: Sequence[Node]
    spans: Sequence[tuple[float, float]]
    whole: tuple[float, float]
    peak: int
    besides: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """That the run took."""
        return self.whole[1] - self.whole[0]


def _own_bytes(value: Any) -> int:
    """Bytes of an array of its own; a view, or what is no array, has none."""
    return value.nbytes if isinstance(value, np.ndarray) and value.flags.owndata else 0


def needed(
    graph: Graph, fetches: Sequence[Tensor], effects: bool, feeds: Sequence[Tensor], targets: Sequence[Node] = ()
) -> list[Node]:
    """The nodes that have to run, in program order."""
    fed = {id(symbol) for symbol in feeds}
    wanted = {id(f) for f in fetches if id(f) not in fed}
    required = {id(node) for node in targets}
    nodes = []
    for node in reversed(graph.nodes):
        if (effects and node.op.effect) or id(node) in required or not wanted.isdisjoint(map(id, node.outputs)):
            wanted.update([id(i) for i in node.inputs if id(i) not in fed])
            required.update(map(id, node.control))
            nodes.append(node)
    return nodes[::-1]
