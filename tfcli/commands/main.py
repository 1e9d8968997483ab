"""`tfcli`: finds the command, and turns errors into messages and exit codes."""

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tfcli import __version__
from tfcli.commands.completion import COMPLETING, complete
from tfcli.commands.output import has_colour, note, paint, print_json
from tfcli.declare import nearest
from tfcli.errors import SpecError, TfcliError, is_out_of_memory

COMMANDS = (
    "init",
    "convert",
    "data",
    "check",
    "show",
    "profile",
    "lr-find",
    "batch-find",
    "train",
    "evaluate",
    "predict",
    "tune",
    "compare",
    "runs",
    "board",
    "schema",
    "completion",
)
_PLAIN: dict[str, Any] = {"rich_markup_mode": None, "add_completion": False, "pretty_exceptions_enable": False}
# Click's class for wrong command lines, which newer versions of Typer have a copy of.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class Commands(TyperGroup):
    """The commands; each one's module is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name.startswith("-"):
            return None  # an option in front of the command, which the parser explains
        if cmd_name not in COMMANDS:
            hint = nearest(cmd_name, COMMANDS) or f"there are: {', '.join(COMMANDS)}"
            raise SpecError(f"there is no command `{cmd_name}`; {hint}")
        return load_command(cmd_name)


def load_command(name: str) -> Any:
    """The command in the module of that name: its `app`, where it has commands of its own, else its function `name`."""
    own = name.replace("-", "_")
    module = import_module(f"tfcli.commands.{own}")
    app: typer.Typer | None = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(**_PLAIN)
        app.command(name)(getattr(module, own))
    return typer.main.get_command(app)


app = typer.Typer(cls=Commands, invoke_without_command=True, **_PLAIN)


@app.callback()
def tfcli(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; goes with every command.")
    ] = False,
) -> None:
    """Train, evaluate, tune and compare neural networks from one YAML file, on a CPU.

    \b
    Example:
      tfcli init penguins -o exp.yaml
      tfcli check exp.yaml
      tfcli train exp.yaml
    """
    if version:
        print(f"tfcli {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs the command line and exits with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command line. This is the one place that turns errors into messages."""
    if COMPLETING in os.environ:
        return complete(lambda: typer.main.get_command(app))
    words = [word for word in arguments if word != "--debug"]
    debug = len(words) < len(arguments)
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")  # numpy's on overflow, say: what comes of it is an error of ours
            code = typer.main.get_command(app)(args=words, prog_name="tfcli", standalone_mode=False)
        sys.stdout.flush()
    except TfcliError as error:
        _show(error, "--json" in words)
        _trace(debug)
        return error.exit_code
    except _UsageError as error:
        _show_usage(error)
        if "--json" in words:
            print_json({"error": getattr(error, "format_message", error.__str__)(), "exit_code": 2})
        return 2
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return 130
    except BrokenPipeError:
        _close_output()
        return 1
    except Exception as error:
        if is_out_of_memory(error):
            note(f"{_error()} out of memory ({error}); try a smaller batch_size or model, which `tfcli check` measures")
            _trace(debug)
            return 1
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            note(f"{_error()} the disk is full: cannot write {error.filename or 'the output'}; make room and try again")
            if error.filename is None:
                _close_output()
            _trace(debug)
            return 1
        if _is_interruption(error):
            note("interrupted")
            return 130
        if not debug:
            note(f"{_error()} this is a fault of tfcli's own: {type(error).__name__}: {error}")
            note("run the same command with --debug for the details, and please report them")
            return 1
        _trace(debug)
        return 1
    return code if isinstance(code, int) else 0


def _is_interruption(error: BaseException | None) -> bool:
    """Whether ctrl-C is behind it: compiled modules make an ImportError of one that comes while they are loaded."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _close_output() -> None:
    """What is still to be written goes nowhere, else the flush at the exit complains again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(error: TfcliError, as_json: bool) -> None:
    render = getattr(error, "render", None)
    if render is not None:
        note(render(colour=has_colour(sys.stderr)))
    elif error.exit_code > 128:  # stopped by a signal: that was asked for, and is no error
        note(str(error))
    else:
        note(f"{_error()} {error}")
    if as_json:
        diagnostics = {"diagnostics": error.to_dicts()} if hasattr(error, "to_dicts") else {}
        print_json({"error": str(error), "exit_code": error.exit_code, **diagnostics})
        sys.stdout.flush()


def _show_usage(error: Any) -> None:
    path = error.ctx.command_path if getattr(error, "ctx", None) else "tfcli"
    note(f"{_error()} {error.format_message()}")
    note(f"`{path} --help` shows how it is used")


def _trace(debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()


def _error() -> str:
    return paint("error:", "1;31", sys.stderr)
