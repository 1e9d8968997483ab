"""Running a graph: a flat list of forward calls over numbered slots, each value dropped after its last use."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node, Placeholder
from tfcli.engine.tensor import Tensor


class Plan:
    """What has to run, in which order, to get `fetches` from feeds; made once and run many times.

    With `effects`, whatever changes a variable or prints runs as well, as in a traced function; without, only what the fetches need.
    """

    def __init__(self, graph: Graph, fetches: Sequence[Tensor], effects: bool = True) -> None:
        nodes = _needed(graph, fetches, effects)
        slot = {id(o): i for i, o in enumerate(o for node in nodes for o in node.outputs)}
        self._initial: list[Any] = [None] * len(slot)
        self._feeds: list[tuple[int, int]] = []
        self._fetches = [slot[id(f)] for f in fetches]
        self._steps: list[tuple[Callable[..., Any], tuple[int, ...], int, int, tuple[int, ...]]] = []
        running = []
        for node in nodes:
            if isinstance(node.op, Constant):
                self._initial[slot[id(node.outputs[0])]] = node.op.value
            elif isinstance(node.op, Placeholder) and node.op.position >= 0:
                self._feeds.append((slot[id(node.outputs[0])], node.op.position))
            else:
                running.append(node)
        last_use = self._last_uses(running, slot)
        for i, node in enumerate(running):
            inputs = tuple(slot[id(x)] for x in node.inputs)
            dead = tuple(s for s, last in last_use.items() if last == i)
            first = slot[id(node.outputs[0])]
            self._steps.append((node.op.forward, inputs, first, len(node.outputs), dead))  # type: ignore[attr-defined]

    def _last_uses(self, running: list[Node], slot: dict[int, int]) -> dict[int, int]:
        kept = {i for i, value in enumerate(self._initial) if value is not None} | set(self._fetches)
        last: dict[int, int] = {}
        for i, node in enumerate(running):
            for value in (*node.inputs, *node.outputs):
                last[slot[id(value)]] = i
        return {s: i for s, i in last.items() if s not in kept}

    def run(self, feeds: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The fetched arrays. `feeds` are in the order of the graph's inputs."""
        values = self._initial.copy()
        for place, position in self._feeds:
            values[place] = feeds[position]
        for forward, inputs, output, count, dead in self._steps:
            result = forward(*[values[i] for i in inputs])
            if count == 1:
                values[output] = result
            else:
                values[output : output + count] = result
            for i in dead:
                values[i] = None
        return [np.asarray(values[i]) for i in self._fetches]


def _needed(graph: Graph, fetches: Sequence[Tensor], effects: bool) -> list[Node]:
    wanted = {id(f) for f in fetches}
    nodes = []
    for node in reversed(graph.nodes):
        if (effects and node.op.effect) or any(id(o) in wanted for o in node.outputs):
            wanted.update(id(i) for i in node.inputs)
            nodes.append(node)
    return nodes[::-1]
