"""`tfcli batch-find`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Json, Quiet, Set
from tfcli.commands.output import duration, note, print_json, print_table
from tfcli.declare.sizes import size
from tfcli.errors import SpecError


def batch_find(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    set_: Set = None,
    low: Annotated[int, typer.Option(min=1, metavar="N", help="The smallest batch size.")] = 8,
    high: Annotated[int, typer.Option(min=1, metavar="N", help="The largest; never more than all examples.")] = 4096,
    seconds: Annotated[float, typer.Option(min=0.0, help="How long each size is measured.")] = 0.5,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure examples a second and memory for batch sizes, and suggest one.

    Sizes double from the smallest on; real steps on weights that are thrown away. Suggested is the smallest size that
    is within 10 % of the fastest. Of bucket_by_sequence_length it is the largest of its batch sizes; the others keep
    their proportion to it.

    \b
    Example:
      tfcli batch-find exp.yaml
      tfcli batch-find exp.yaml --low 16 --high 1024
    """
    if low > high:
        raise SpecError(f"--low {low} is more than --high {high}")
    from tfcli.runner.batch_search import search_batch_sizes, suggested

    found = []
    for item in search_batch_sizes(spec, set_ or [], low, high, seconds):
        found.append(item)
        if not quiet and not json:
            note(f"batch size {item.size}: {item.examples_per_second:,.0f} examples a second")
    best = suggested(found)
    if json:
        print_json({"suggestion": best, "sizes": [asdict(item) for item in found]})
    elif quiet:
        print(best)
    else:
        rows = [[i.size, round(i.examples_per_second), duration(i.step_seconds), size(i.memory)] for i in found]
        print_table(rows, ["batch size", "examples a second", "step", "memory at most"])
        print(f"suggested batch size: {best}")
