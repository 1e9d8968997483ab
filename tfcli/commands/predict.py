"""`tfcli predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Checkpoint, Json, Logdir, Quiet, Run, Trust
from tfcli.commands.output import note, print_json, shortest, warn

_SHOWN_REMARKS = 10


def predict(
    run: Run,
    input: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Examples in the data's own format; - for standard input.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="train, validation or test. Default: test, else validation, else train."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A .csv, .jsonl, .npz, .npy or .parquet file to write."),
    ] = None,
    checkpoint: Checkpoint = None,
    trust: Trust = False,
    logdir: Logdir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predictions of a trained run, one a row, in the order of the examples.

    Tables have a `prediction` and, from a classifier, a `probability_CLASS` for each class; .npz and .npy files have
    the model's outputs as they are. Without -o, CSV is printed.

    \b
    Example:
      tfcli predict runs/exp/20261121-140312-k3f9 --input new.csv -o predictions.csv
      tfcli predict exp --input - < new.csv
    """
    from tfcli.logging.run_directory import RunDirectory
    from tfcli.runner import evaluation, predictions

    if output is not None:
        predictions.format_of(output)  # an unknown suffix shows before the work is done
    source = sys.stdin.buffer.read() if input == Path("-") else input
    found = evaluation.predict(RunDirectory.open(run, logdir), split, source, checkpoint, trust)
    if not quiet:
        for remark in found.remarks[:_SHOWN_REMARKS]:
            warn(remark)
        if len(found.remarks) > _SHOWN_REMARKS:
            warn(f"{len(found.remarks) - _SHOWN_REMARKS:,} more categories do not occur in the training split")
    if output is not None:
        predictions.save(found, output)
        if not quiet and not json:
            note(f"{len(found):,} predictions in {shortest(output)}")
    if json:
        rows = [] if output is not None else list(predictions.rows(found))
        print_json({"examples": len(found), "output": output} if output is not None else {"predictions": rows})
    elif output is None:
        print(predictions.to_csv(found).decode(), end="")
