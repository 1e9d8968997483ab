"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.completion import complete_runs, complete_settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and only the result itself.")]
Logdir = Annotated[Path, typer.Option(metavar="DIR", help="The folder with all runs.")]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="best|last|N", help="A checkpoint's weights (N: of that epoch) instead of the finished run's."
    ),
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run directory; or in --logdir a run's name or id: the latest that fits.",
        autocompletion=complete_runs,
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run the Python that the run's own spec names: own functions and classes.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A value for a key of the spec, by its dotted path; any number of times.",
        autocompletion=complete_settings,
    ),
]
