"""Whether the bodies of a saved loop or branch take what they are fed and give what is expected of them."""

from collections.abc import Sequence

from tfcli.engine.op import Op
from tfcli.engine.ops.branch import SwitchCase
from tfcli.engine.ops.control import Body, Scan
from tfcli.engine.ops.loops import While
from tfcli.engine.spec import Shape, TensorSpec, bool_, int32
from tfcli.saved_model.values import Damaged

Specs = Sequence[TensorSpec]


def check_bodies(op: Op, inputs: Specs) -> None:
    """Raises Damaged."""
    match op:
        case Scan():
            _check_scan(op, inputs)
        case While():
            _check_while(op, inputs)
        case SwitchCase():
            _check_branches(op, inputs)


def _check_scan(op: Scan, inputs: Specs) -> None:
    steps = inputs[op.carries : op.carries + op.sequences]
    if op.carries < 0 or op.sequences < 1 or len(inputs) < op.carries + op.sequences or any(not s.shape for s in steps):
        raise Damaged(f"a scan of {op.carries} carries over {op.sequences} sequences has {len(inputs)} inputs")
    carries = inputs[: op.carries]
    slices = [TensorSpec(Shape(s.shape[1:]), s.dtype) for s in steps]
    _check_fed(op.body, [*carries, *slices, *inputs[op.carries + op.sequences :]], op.carries + op.sequences)
    _check_given(op.body, carries, exactly=False)


def _check_while(op: While, inputs: Specs) -> None:
    if not (0 <= op.written <= op.carries and op.captured >= 0 and op.carries + op.captured <= len(inputs)):
        raise Damaged(
            f"a loop of {op.carries} variables, {op.written} of them assigned by its condition, "
            f"that captured {op.captured} tensors, has {len(inputs)} inputs"
        )
    carries, captured = inputs[: op.carries], inputs[op.carries :]
    _check_fed(op.body, [*carries, *captured[: op.captured]], op.carries)
    _check_fed(op.test, [*carries, *captured[op.captured :]], op.carries)
    _check_given(op.body, carries, exactly=True)
    _check_given(op.test, [TensorSpec(Shape(()), bool_), *carries[op.carries - op.written :]], exactly=True)


def _check_branches(op: SwitchCase, inputs: Specs) -> None:
    counts = op.captured
    fits = len(counts) == len(op.branches) > 0 and all(c >= 0 for c in counts) and sum(counts) + 1 == len(inputs)
    if not fits or inputs[0].dtype != int32 or inputs[0].shape:
        raise Damaged(f"{len(op.branches)} branches that captured {counts} tensors have {len(inputs)} inputs")
    start = 1
    for branch, count in zip(op.branches, counts, strict=True):
        _check_fed(branch, inputs[start : start + count], 0)
        _check_given(branch, [output.spec for output in op.branches[0].outputs], exactly=True)
        start += count


def _check_fed(body: Body, fed: Specs, own: int) -> None:
    """That the body takes `fed`, of which its `own` come first and what it captured after them."""
    specs = [symbol.spec for symbol in body.graph.inputs]
    if len(body.inputs) != own or len(specs) != len(fed) or not all(map(_alike, specs, fed)):
        raise Damaged(f"the body {body.graph.name!r} takes {_list(specs)}, and would be fed {_list(fed)}")


def _check_given(body: Body, wanted: Specs, exactly: bool) -> None:
    specs = [output.spec for output in body.outputs]
    count_fits = len(specs) == len(wanted) if exactly else len(specs) >= len(wanted)
    if not count_fits or not all(_alike(a, b) for a, b in zip(specs, wanted, strict=False)):
        raise Damaged(f"the body {body.graph.name!r} gives {_list(specs)}; expected {_list(wanted)}")


def _alike(a: TensorSpec, b: TensorSpec) -> bool:
    """Sizes that differ are left to the run: a loop's variable may change them where the loop says so."""
    return a.dtype == b.dtype and len(a.shape) == len(b.shape)


def _list(specs: Specs) -> str:
    return ", ".join(map(str, specs)) or "nothing"
