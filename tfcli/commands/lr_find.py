"""`tfcli lr-find`."""

from pathlib import Path
from typing import Annotated

import typer

from tfcli.commands.options import Json, Quiet, Set
from tfcli.commands.output import note, print_json, print_table
from tfcli.errors import SpecError

_SHOWN = 15


def lr_find(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The experiment, a YAML file.")],
    set_: Set = None,
    steps: Annotated[int, typer.Option(min=10, metavar="N", help="How many steps, each with a larger rate.")] = 100,
    low: Annotated[float, typer.Option(help="The rate of the first step.")] = 1e-6,
    high: Annotated[float, typer.Option(help="The rate of the last step.")] = 1.0,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The picture, as .png or .svg.")
    ] = Path("lr_find.png"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Suggest a learning rate: train a little while the rate rises, and see where the loss falls fastest.

    The weights are thrown away. The picture shows the loss against the rate.

    \b
    Example:
      tfcli lr-find exp.yaml
      tfcli lr-find exp.yaml --low 1e-5 --high 10 --steps 200 -o rates.svg
    """
    if not 0 < low < high:
        raise SpecError(f"--low {low:g} --high {high:g}: the rates must be positive, and the first the smaller one")
    if output.suffix not in (".png", ".svg"):
        raise SpecError(f"--output {output}: the picture's name must end in .png or .svg")
    from tfcli.logging.report_plots import plot_search
    from tfcli.runner.rate_search import search_rates

    found = search_rates(spec, set_ or [], steps, low, high)
    plot_search(found.rates, found.losses, found.smooth, found.suggestion, output)
    if json:
        points = {"rates": found.rates.tolist(), "losses": found.losses.tolist()}
        print_json({"suggestion": found.suggestion, **points, "picture": output})
        return
    if not quiet:
        every = max(1, len(found.rates) // _SHOWN)
        rows = list(zip(found.rates.tolist(), found.losses.tolist(), found.smooth.tolist(), strict=True))[::every]
        print_table(
            [[f"{rate:.3g}", loss, smooth] for rate, loss, smooth in rows], ["learning rate", "loss", "smoothed"]
        )
        note(f"wrote {output}")
    if found.suggestion is None:
        note("the loss does not fall anywhere: no suggestion; try --low and --high further apart, and more --steps")
    else:
        print(f"optimizer.learning_rate={found.suggestion:g}")
