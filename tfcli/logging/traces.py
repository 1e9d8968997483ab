"""Graphs of traced functions for TensorBoard's graph page, and the recording of those that run."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tfcli.engine.function import ConcreteFunction, watch_calls
from tfcli.engine.graph.ir import Graph
from tfcli.logging.events import GraphNode, graph_def

_PLUGIN = "graph_run_metadata_graph"
_VERSION = b"1"


def graph_nodes(graph: Graph) -> Iterator[GraphNode]:
    """A graph's nodes in program order, nested by their scopes."""
    names: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for node in graph.nodes:
        base = f"{node.scope}/{node.name}".strip("/")
        name = f"{base}_{counts[base]}" if counts[base] else base
        counts[base] += 1
        names.update({id(output): f"{name}:{i}" if i else name for i, output in enumerate(node.outputs)})
        inputs = [names[id(value)] for value in node.inputs]
        yield GraphNode(name, node.type, inputs, list(node.outputs[0].shape) if node.outputs else None)


def run_metadata(tag: str, graphs: Iterable[Graph]) -> bytes:
    """A Summary.Value with the graphs of functions that ran."""
    from tensorboard.compat.proto.config_pb2 import RunMetadata
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    ran = [GraphDef.FromString(graph_def(graph_nodes(graph))) for graph in graphs]
    functions = [RunMetadata.FunctionGraphs(pre_optimization_graph=graph) for graph in ran]
    data = RunMetadata(function_graphs=functions).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name=_PLUGIN, content=_VERSION)
    described = SummaryMetadata(plugin_data=plugin)
    return Summary.Value(
        tag=tag, metadata=described, tensor=TensorProto(dtype=DT_STRING, string_val=[data])
    ).SerializeToString()


class Recording:
    """The traces that functions run from now on until `stop`, each once."""

    def __init__(self) -> None:
        self._ran: dict[int, ConcreteFunction] = {}
        watch_calls(lambda concrete: self._ran.update({id(concrete): concrete}))

    def stop(self) -> list[Graph]:
        """The graphs of those that ran."""
        watch_calls(None)
        return [concrete.graph for concrete in self._ran.values()]
