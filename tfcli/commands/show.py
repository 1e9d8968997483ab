"""`tfcli show`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tfcli.commands.options import Json, Set
from tfcli.commands.output import note, print_json, print_table
from tfcli.declare.sizes import size
from tfcli.errors import SpecError

if TYPE_CHECKING:
    from tfcli.runner.tracing import NodeRow, TracedStep


def show(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the model here, as SVG.")] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help="Draw the model here, as PNG.")] = None,
    graph: Annotated[
        bool, typer.Option("--graph", help="The training step's graph, before and after the passes.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Draw the training step's graph after the passes, .svg or .png."
        ),
    ] = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Print Keras's summary of the model with FLOPs and activations, or the graph of a training step; draw either.

    FLOPs are those of the forward pass of one batch, activations the bytes of a layer's output for it.

    \b
    Example:
      tfcli show exp.yaml
      tfcli show exp.yaml --svg model.svg
      tfcli show exp.yaml --graph -o graph.svg
    """
    from tfcli.runner.tracing import trace_step
    from tfcli.spec.load import load_experiment

    _check_suffix(svg, ".svg", "--svg")
    _check_suffix(png, ".png", "--png")
    step = trace_step(load_experiment(spec, set_ or []))
    if graph or output is not None:
        _show_graph(step, graph, output, json)
    _show_model(step, [path for path in (svg, png) if path is not None], json, quiet=graph or output is not None)


def _check_suffix(path: Path | None, suffix: str, option: str) -> None:
    if path is not None and path.suffix != suffix:
        raise SpecError(f"{option} {path}: the file must end in {suffix}")


def _show_graph(step: "TracedStep", shown: bool, output: Path | None, json: bool) -> None:
    from tfcli.runner.drawing import draw_graph
    from tfcli.runner.tracing import node_rows

    before, after = node_rows(step.training.graph.nodes), node_rows(step.training.plan.graph.nodes)
    if output is not None:
        draw_graph(after, output)
        note(f"wrote {output}")
    if json:
        print_json({"before": [asdict(row) for row in before], "after": [asdict(row) for row in after]})
    elif shown:
        _print_nodes("before the passes", before)
        print()
        _print_nodes("after the passes", after)


def _show_model(step: "TracedStep", pictures: list[Path], json: bool, quiet: bool) -> None:
    from tfcli.runner.drawing import draw_model
    from tfcli.runner.model_table import model_table
    from tfcli.runner.tracing import layer_costs

    rows, network = layer_costs(step), step.session.network
    for path in pictures:
        draw_model(network, rows, path)
        note(f"wrote {path}")
    if quiet:
        return
    if json:
        trainable = sum(w.array.size for w in network.trainable_weights)
        totals = {"parameters": network.count_params(), "trainable_parameters": trainable}
        slots = sum(v.array.size for v in step.session.trainer.variables()["optimizer"].values())
        totals |= {"optimizer_parameters": slots, "batch_size": step.batch_size}
        print_json({"layers": [asdict(row) for row in rows], **totals})
    else:
        print(model_table(step, rows))


def _print_nodes(title: str, rows: "list[NodeRow]") -> None:
    flops, moved = sum(r.flops for r in rows), sum(r.bytes for r in rows)
    print(f"{title}: {len(rows)} nodes, {flops:,} FLOPs, {size(moved)} read and written")
    table = [(r.name, _short(r.op), " ".join(r.inputs), r.shape, r.flops, r.bytes, r.scope) for r in rows]
    print_table(table, ["node", "op", "inputs", "output", "FLOPs", "bytes", "layer"])


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
