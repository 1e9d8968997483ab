"""Pictures of an experiment: its model, a box for each layer, and the graph of its training step."""

from collections.abc import Sequence
from pathlib import Path

from tfcli.engine.spec import show_shape
from tfcli.models.drawing import Box, draw
from tfcli.models.network import Network
from tfcli.runner.tracing import LayerCost, NodeRow


def draw_graph(rows: Sequence[NodeRow], path: Path) -> None:
    """Draw the nodes of a graph, as .svg or .png. Raises SpecError for another suffix."""
    draw([_node_box(row) for row in rows], path)


def draw_model(network: Network, rows: Sequence[LayerCost], path: Path) -> None:
    """Draw the model's layers with shapes and parameters, as .svg or .png. Raises SpecError for another suffix."""
    inputs = [Box(name, (name, "input", show_shape(spec.shape))) for name, spec in network.inputs.items()]
    layers = [
        Box(step.path, _lines(step.path, row), tuple(dict.fromkeys(step.sources)), f"{row.flops:,} FLOPs")
        for step, row in zip(network.steps, rows, strict=True)
    ]
    draw([*inputs, *layers], path)


def _lines(path: str, row: LayerCost) -> tuple[str, ...]:
    parameters = (f"{row.parameters:,} parameters",) if row.parameters else ()
    return (path, row.type, show_shape(row.shape), *parameters)


def _node_box(row: NodeRow) -> Box:
    tooltip = f"{row.name} {row.op} {row.shape} {row.scope}, {row.flops:,} FLOPs, {row.bytes:,} bytes"
    lines = (_short(row.op, 34), f"{_short(row.shape, 26)}  {row.flops:,} F")
    return Box(row.name, lines, tuple(dict.fromkeys(_node_of(value) for value in row.inputs)), tooltip)


def _node_of(value: str) -> str:
    """`%3` for `%3.1`, its second output."""
    return value.split(".")[0]


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
