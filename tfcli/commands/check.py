"""`tfcli check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfcli.commands.options import Json, Quiet, Set
from tfcli.commands.output import duration, number, print_json, print_table, typed, warn
from tfcli.declare.sizes import size

if TYPE_CHECKING:
    from tfcli.runner.inspection import Inspection

_SHOWN_CLASSES = 12


def check(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    set_: Set = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Validate the spec, build the model, look at the data; train and write nothing.

    Shows shapes, parameters, memory, the time of a step, and what is odd about the data. With --quiet only what is
    wrong or odd. Every fault of the spec is shown in one go, with exit code 2.

    \b
    Example:
      tfcli check exp.yaml
      tfcli check exp.yaml --set model.layers.0.units=512 --json
    """
    from tfcli.runner.inspection import inspect
    from tfcli.spec.load import load_experiment

    found = inspect(load_experiment(spec, set_ or []))
    if json:
        print_json(found.to_dict())
        return
    if not quiet:
        _print_model(found)
        _print_data(found)
    for text in found.warnings:
        warn(text)
    if not quiet:
        print(f"next:\n  {typed('tfcli', 'train', spec)}")


def _print_model(found: "Inspection") -> None:
    rows = [
        (layer.name, layer.type, _shape(layer.shape), layer.parameters, "" if layer.trainable else "frozen")
        for layer in found.layers
    ]
    print_table(rows, ["layer", "type", "output", "parameters", ""])
    print()
    frozen = found.parameters - found.trainable_parameters
    memory, timing = found.memory, found.timing
    parts = (
        f"weights {size(memory.weights)}, optimizer {size(memory.optimizer)}, activations {size(memory.activations)}"
    )
    print_table(
        [
            ("parameters", f"{found.parameters:,}" + (f", {frozen:,} of them not trained" if frozen else "")),
            (
                "memory",
                f"about {size(memory.total)} at batch size {found.batch_size} ({parts}), "
                f"the whole process {size(memory.peak)}",
            ),
            *([("precision", found.precision)] if ":" in found.precision else []),
            (
                "step time",
                f"{duration(timing.step)}, the first {duration(timing.first)}; an epoch about {duration(timing.epoch)}",
            ),
        ]
    )
    print()


def _print_data(found: "Inspection") -> None:
    arrays = {"input": found.inputs, "label": found.targets}
    for kind, items in arrays.items():
        for name, item in items.items():
            print(f"{kind} {name}: {_shape((None, *item['shape']))} {item['dtype']}")
    for target in found.targets:
        rows = [(row.name, row.examples, row.batches, _labels(row.labels.get(target, {}))) for row in found.splits]
        print_table(rows, ["split", "examples", "batches", target])
    print()


def _shape(shape: tuple[int | None, ...]) -> str:
    """`(N, 28, 28, 1)`: N examples, `?` for another size that varies."""
    return "(" + ", ".join(["N", *("?" if size is None else str(size) for size in shape[1:])]) + ")"


def _labels(described: dict[str, Any]) -> str:
    if "classes" not in described:
        return "  ".join(f"{name} {number(value)}" for name, value in described.items())
    classes = list(described["classes"].items())
    shown = "  ".join(f"{label}: {count}" for label, count in classes[:_SHOWN_CLASSES])
    return shown + (f"  and {len(classes) - _SHOWN_CLASSES} more" if len(classes) > _SHOWN_CLASSES else "")
