"""`tfcli init`."""

from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.completion import complete_templates
from tfcli.commands.options import Json, Quiet
from tfcli.commands.output import note, print_json, print_table, typed
from tfcli.errors import SpecError


def init(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEMPLATE|DATA FILE]",
            help="A template's name, or a CSV, Parquet or JSON lines file.",
            autocompletion=complete_templates,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The spec to write.")] = Path(
        "exp.yaml"
    ),
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="What to predict, where a data file leaves it to guessing.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a commented spec, from a template or guessed from a data file. It trains as it is.

    \b
    Example:
      tfcli init --list
      tfcli init digits -o exp.yaml
      tfcli init titanic.csv --label survived -o titanic.yaml
    """
    from tfcli.runner import templates

    if list_ or source is None:
        found = templates.describe()
        if json:
            print_json({"templates": found})
        else:
            # The first line of a template is its task, a colon, and what it is.
            print_table([(name, *text.partition(": ")[::2]) for name, text in found.items()], ["template", "task", ""])
            if not quiet:
                note(f"next: {typed('tfcli', 'init', next(iter(found)), '-o', 'exp.yaml')}")
        return
    if output.exists() and not force:
        raise SpecError(f"{output} exists already; choose another file with -o, or overwrite it with --force")
    templates.write(source, output, label)
    if json:
        print_json({"spec": output})
    elif quiet:
        print(output)
    else:
        print(f"{output} is written; next:")
        print(f"  {typed('tfcli', 'check', output)}\n  {typed('tfcli', 'train', output)}")
