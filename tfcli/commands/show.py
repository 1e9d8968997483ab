"""`tfcli show`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.options import Json, Set
from tfcli.commands.output import note, print_json, print_table, size

if TYPE_CHECKING:
    from tfcli.runner.tracing import NodeRow, TracedStep


def show(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    graph: Annotated[
        bool, typer.Option("--graph", help="The training step's graph, before and after the passes.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw the graph after the passes here, as SVG."),
    ] = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Print the layers with their parameters, FLOPs and activations, or the graph of a training step.

    FLOPs are those of the forward pass of one batch, activations the bytes of a layer's output for it.

    \b
    Example:
      tfcli show exp.yaml
      tfcli show exp.yaml --graph -o graph.svg
    """
    from tfcli.runner.drawing import write_svg
    from tfcli.runner.tracing import node_rows, trace_step
    from tfcli.spec.load import load_experiment

    step = trace_step(load_experiment(spec, set_ or []))
    if not graph and output is None:
        _show_layers(step, json)
        return
    before, after = node_rows(step.training.graph.nodes), node_rows(step.training.plan.graph.nodes)
    if output is not None:
        write_svg(output, after)
        note(f"wrote {output}")
    if json:
        print_json({"before": [asdict(row) for row in before], "after": [asdict(row) for row in after]})
    elif graph:
        _print_nodes("before the passes", before)
        print()
        _print_nodes("after the passes", after)


def _show_layers(step: "TracedStep", json: bool) -> None:
    from tfcli.runner.tracing import layer_costs

    rows = layer_costs(step)
    trainable = sum(w.array.size for w in step.session.network.trainable_weights)
    total = step.session.network.count_params()
    if json:
        totals = {"parameters": total, "trainable_parameters": trainable, "batch_size": step.batch_size}
        print_json({"layers": [asdict(row) for row in rows], **totals})
        return
    table = [
        (f"{r.name} ({r.type})", f"({', '.join(map(str, r.shape))})", r.parameters, r.flops, size(r.activations))
        for r in rows
    ]
    print_table(table, ["Layer (type)", "Output Shape", "Param #", "FLOPs", "Activations"])
    print(f"\nTotal params: {total:,} ({size(4 * total)})")
    print(f"Trainable params: {trainable:,}\nNon-trainable params: {total - trainable:,}")
    print(f"FLOPs: {sum(r.flops for r in rows):,} for the forward pass of a batch of {step.batch_size}")
    print(f"Activations: {size(sum(r.activations for r in rows))}")


def _print_nodes(title: str, rows: "list[NodeRow]") -> None:
    flops, moved = sum(r.flops for r in rows), sum(r.bytes for r in rows)
    print(f"{title}: {len(rows)} nodes, {flops:,} FLOPs, {size(moved)} read and written")
    table = [(r.name, _short(r.op), " ".join(r.inputs), r.shape, r.flops, r.bytes, r.scope) for r in rows]
    print_table(table, ["node", "op", "inputs", "output", "FLOPs", "bytes", "layer"])


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
