"""`tfcli evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Checkpoint, Json, Logdir, Quiet, Run, Trust
from tfcli.commands.output import note, print_json, print_table, shortest


def evaluate(
    run: Run,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="train, validation or test. Default: test, else validation, else train."),
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="A labelled file instead of a split.")] = None,
    checkpoint: Checkpoint = None,
    trust: Trust = False,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Loss and metrics of a trained run.

    \b
    Example:
      tfcli evaluate runs/exp/20261121-140312-k3f9
      tfcli evaluate exp --data new.csv --checkpoint best
    """
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner import evaluation

    found = evaluation.evaluate(RunDirectory.open(run, logdir), split, data, checkpoint, trust)
    if json:
        print_json(asdict(found))
        return
    if not quiet:
        what = f"the {found.data} split" if data is None else found.data
        note(f"{shortest(found.run)} ({found.weights}) on {what}, {found.examples:,} examples")
    print_table(list(found.results.items()))
