"""Common subexpressions: one node for all that apply one op to the same inputs."""

from collections.abc import Sequence
from typing import Any

from tfcli.engine.graph.ir import AssignVariable, Graph, Node, ReadVariable
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.tensor import Tensor, Variable


def merge_common(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Equal nodes become one. Reads of a variable do so between assignments; after one they are the assigned value."""
    known: dict[Any, Sequence[Tensor]] = {}
    values: dict[Variable, Tensor] = {}

    def rule(node: Node) -> Sequence[Tensor] | None:
        match node.op:
            case ReadVariable(variable=variable):
                if variable in values:
                    return [values[variable]]
                values[variable] = node.outputs[0]
                return None
            case AssignVariable(variable=variable):
                values[variable] = node.inputs[0]
                return None
            case op if op.stateful or op.effect:
                values.clear()  # it may be Python code, which may assign
                return None
        key = (node.op, *map(id, node.inputs))
        same = known.setdefault(key, node.outputs)
        return None if same is node.outputs else same

    return Sweep(graph).run(fetches, rule)
