"""Constant folding: what depends on constants alone is computed once, here."""

from collections.abc import Sequence

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.spec import size_of
from tfcli.engine.tensor import Tensor
from tfcli.errors import TfcliError

_LARGEST = 1 << 16
"""Bytes of a result that may be larger than what it is made from: rather computed each time than kept."""


def fold_constants(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Nodes of pure ops whose inputs are all constants become constants."""
    sweep = Sweep(graph)

    def rule(node: Node) -> Sequence[Tensor] | None:
        if not _is_foldable(node):
            return None
        arrays = [i.node.op.value for i in node.inputs]  # type: ignore[attr-defined]
        try:
            result = node.op.forward(*arrays)  # type: ignore[attr-defined]
        except TfcliError:
            return None  # it is an error where it runs, if it does
        results = result if isinstance(result, tuple) else (result,)
        return [sweep.emit(Constant(np.asarray(r))) for r in results]

    return sweep.run(fetches, rule)


def _is_foldable(node: Node) -> bool:
    op = node.op
    if not node.inputs or op.stateful or op.effect or hasattr(op, "bodies"):
        return False
    if not all(isinstance(i.node.op, Constant) for i in node.inputs):  # type: ignore[attr-defined]
        return False
    given = sum(i.node.op.value.nbytes for i in node.inputs)  # type: ignore[attr-defined]
    sizes = [size_of(o.shape) for o in node.outputs]
    known = [size * o.dtype.size for size, o in zip(sizes, node.outputs, strict=True) if size is not None]
    return len(known) == len(sizes) and sum(known) <= max(given, _LARGEST)
