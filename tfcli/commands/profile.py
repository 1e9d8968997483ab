"""`tfcli profile`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.options import Json, Set
from tfcli.commands.output import duration, note, print_json, print_table
from tfcli.declare.sizes import size

if TYPE_CHECKING:
    from tfcli.runner.tracing import Share

_SHOWN = 20


def profile(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="How many steps of training to measure.")] = 10,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a Chrome trace here, as JSON.")
    ] = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Measure where a training step spends its time and memory: by op and by layer.

    Runs real steps on weights that are then thrown away. A layer's time includes its part of the backward pass.
    Times are means over the quicker half of the steps. The trace opens in chrome://tracing and ui.perfetto.dev.

    \b
    Example:
      tfcli profile exp.yaml
      tfcli profile exp.yaml --steps 50 -o trace.json
    """
    from tfcli.runner.tracing import profile_step, trace_step, write_trace
    from tfcli.spec.load import load_experiment

    step = trace_step(load_experiment(spec, set_ or []))
    found, runs = profile_step(step, steps)
    if output is not None:
        write_trace(output, runs)
        note(f"wrote {output}")
    if json:
        print_json(found.to_dict())
        return
    _print_shares("op", found.ops)
    print()
    _print_shares("layer", found.layers)
    how = "compiled kernels" if found.compiled else "numpy, as there is little to do"
    print(f"\nstep time   {duration(found.seconds)}, {found.named:.1%} of it named above; {how}")
    print(
        f"memory      {size(found.variable_bytes)} of variables, and at most {size(found.peak_bytes)} of results "
        "at once"
    )


def _print_shares(kind: str, shares: "list[Share]") -> None:
    rows = [
        (s.name, duration(s.seconds), f"{s.share:.1%}", s.calls, s.flops, f"{s.gflops:.1f}") for s in shares[:_SHOWN]
    ]
    print_table(rows, [kind, "time", "share", "nodes", "FLOPs", "GFLOP/s"])
    if len(shares) > _SHOWN:
        print(f"and {len(shares) - _SHOWN} more, {sum(s.share for s in shares[_SHOWN:]):.1%}")
