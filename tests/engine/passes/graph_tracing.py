"""Graphs of functions, for tests of passes."""

from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.graph.ir import Graph
from tfcli.engine.spec import Shape, TensorSpec


def graph_of(function, *shapes):
    """The graph of a function of float32 arrays, and what it returns."""
    graph = Graph("test")
    with tracing(graph), recording([]):
        symbols = [graph.placeholder(TensorSpec(Shape(shape), "float32")) for shape in shapes]
        returned = function(*symbols)
    return graph, list(returned)
