"""`tfcli convert`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Json, Quiet
from tfcli.commands.output import print_json, typed, warn


def convert(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A .keras archive that Keras 3 saved.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The spec to write.")] = Path(
        "exp.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE and the weights beside it.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Turn a Keras model into a spec, with its weights beside it as .safetensors.

    Sequential and functional models are converted, with branches, several inputs and outputs, and models inside
    models; how the model was compiled comes with it. Nothing in the archive is run: a Lambda, a class of one's own
    and a subclassed model are refused. Name your data in the spec, and it trains.

    \b
    Example:
      tfcli convert model.keras -o exp.yaml
    """
    from tfcli.runner.conversion import convert_keras

    found = convert_keras(model, output, force)
    if json:
        print_json(asdict(found))
        return
    for text in found.notes:
        warn(text)
    if quiet:
        print(found.spec)
        return
    print(f"{found.spec} is written: {found.layers} layers, {found.parameters:,} parameters in {found.weights}")
    print(f"next: name your data under `data` in {found.spec}, then\n  {typed('tfcli', 'check', output)}")
