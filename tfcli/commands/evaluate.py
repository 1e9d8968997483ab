"""`tfcli evaluate`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Checkpoint, Json, Logdir, Quiet, Run, Trust
from tfcli.commands.output import note, print_json, print_table, shortest
from tfcli.errors import SpecError


def evaluate(
    run: Run,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="train, validation or test. Default: test, else validation, else train."),
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="A labelled file instead of a split.")] = None,
    checkpoint: Checkpoint = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write a report on the model: tables, pictures and report.md.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where the report goes. Default: RUN/report.")
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option("--slice", metavar="PARTS", help="Columns and conditions that the report tells apart."),
    ] = None,
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
      tfcli evaluate exp --report --slice "sex,age<30"
    """
    if not report and (output is not None or slices is not None):
        raise SpecError("--output and --slice are about the report; add --report")
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner import evaluation

    directory = RunDirectory.open(run, logdir)
    folder = (output or directory.path / "report") if report else None
    found = evaluation.evaluate(directory, split, data, checkpoint, trust, folder, slices)
    if json:
        print_json(asdict(found))
        return
    if not quiet:
        what = f"the {found.data} split" if data is None else found.data
        note(f"{shortest(found.run)} ({found.weights}) on {what}, {found.examples:,} examples")
    print_table(list(found.results.items()))
    if found.report is not None:
        print(shortest(found.report))
