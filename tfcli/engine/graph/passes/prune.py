"""Dead code: what neither a fetch nor an effect needs goes."""

from tfcli.engine.graph.execute import needed
from tfcli.engine.graph.ir import Graph, Placeholder
from tfcli.engine.tensor import Tensor


def prune_dead(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Only nodes that are needed stay, and all inputs."""
    live = {id(node) for node in needed(graph, fetches, effects=True, feeds=[])}
    graph.nodes = [node for node in graph.nodes if id(node) in live or isinstance(node.op, Placeholder)]
    return fetches
