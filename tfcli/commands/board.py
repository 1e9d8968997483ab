"""`tfcli board`."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from tfcli.commands.options import Json, Quiet
from tfcli.commands.output import note, print_json


def board(
    logdir: Annotated[Path, typer.Argument(metavar="LOGDIR", help="The folder with the runs, or one run.")] = Path(
        "runs"
    ),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: 6006, or any free one where that is taken.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser, where there is a desktop.")
    ] = True,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """TensorBoard on the runs, on this machine alone; ctrl-C ends it.

    \b
    Example:
      tfcli board
      tfcli board runs --port 6007 --no-open
    """
    from tfcli.runner.board_server import serve

    url = serve(logdir, port)
    if json:
        print_json({"url": url, "logdir": logdir})
    else:
        print(url)
    sys.stdout.flush()
    if open_ and not json and _has_desktop():
        import webbrowser

        webbrowser.open(url)
    if not quiet:
        note("ctrl-C ends it")
    with suppress(KeyboardInterrupt):
        Event().wait()


def _has_desktop() -> bool:
    """Whether a browser could show its window: a person sits there, and on Unix there is a display."""
    has_display = sys.platform in ("darwin", "win32") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return has_display and sys.stderr.isatty()
