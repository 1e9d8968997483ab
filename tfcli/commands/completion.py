"""`tfcli completion`, and what the shell's completion knows besides commands and options.

Each `complete_…` function takes what is typed so far and returns what may stand there. They run at each press of Tab:
they import little, and where something is wrong they know of nothing.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tfcli.errors import SpecError, TfcliError

COMPLETING = "_TFCLI_COMPLETE"
"""The variable by which the shell asks for completions."""

_MOST_RUNS = 200


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None, typer.Argument(help="Default: the shell in the variable SHELL.")
    ] = None,
) -> None:
    """Print what makes a shell complete commands, options, runs, templates, keys and values of specs.

    For every new shell, put the line into ~/.bashrc or ~/.zshrc (fish: ~/.config/fish/config.fish).

    \b
    Example:
      eval "$(tfcli completion bash)"
      tfcli completion fish | source
    """
    from typer.completion import get_completion_script

    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in ("bash", "zsh", "fish"):
        raise SpecError("name the shell, one of bash, zsh and fish, as in `tfcli completion bash`")
    if name == "bash":
        print('COMP_WORDBREAKS="${COMP_WORDBREAKS//=}"  # KEY=VALUE is one word')
    print(get_completion_script(prog_name="tfcli", complete_var=COMPLETING, shell=name))


def complete(command: Callable[[], Any]) -> int:
    """Answer the shell: what may stand where the cursor is. Where the line is wrong so far, nothing."""
    from typer.completion import completion_init

    completion_init()
    try:
        command()(prog_name="tfcli", complete_var=COMPLETING)
    except SystemExit as end:  # the way in which the library ends after its answer
        return 0 if end.code is None else int(end.code)
    except TfcliError:
        return 1
    return 0


def complete_runs(ctx: Any, incomplete: str) -> list[str]:
    """Names and ids of runs in --logdir, the latest first, and folders on the way to a run."""
    logdir = Path(ctx.params.get("logdir") or "runs")
    return [*_starting(incomplete, _run_names(logdir)), *_folders(incomplete)]


def _run_names(logdir: Path) -> list[str]:
    runs = [f"{name}/{run}" for name in _subfolders(logdir) for run in _subfolders(logdir / name)]
    latest = sorted(runs, key=lambda run: run.rpartition("/")[2], reverse=True)[:_MOST_RUNS]
    return [*_subfolders(logdir), *latest]


def _subfolders(path: Path) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:
        return []


def _folders(incomplete: str) -> list[str]:
    head, _, tail = incomplete.rpartition("/")
    parent = Path(head or ("/" if incomplete.startswith("/") else "."))
    start = f"{head}/" if "/" in incomplete else ""
    return [f"{start}{name}/" for name in _subfolders(parent) if name.startswith(tail) and incomplete]


def _starting(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def complete_templates(ctx: Any, incomplete: str) -> list[tuple[str, str]]:
    """The templates, with what each is for."""
    from tfcli.runner import templates

    return [(name, text) for name, text in templates.describe().items() if name.startswith(incomplete)]


def complete_settings(ctx: Any, incomplete: str) -> list[str]:
    """`KEY=` for the keys of the spec on the command line, its layers by name, and after `=` the known values."""
    from tfcli.runner.suggestions import keys_of, values_of

    spec = _spec_on_the_line()
    path, equals, text = incomplete.partition("=")
    try:
        if equals:
            return [f"{path}={value}" for value in values_of(spec, path) if value.startswith(text)]
        return _starting(incomplete, (f"{key}=" for key in keys_of(spec)))
    except (TfcliError, OSError):
        return []


def _spec_on_the_line() -> Path | None:
    """The spec among the words typed so far, which the parser drops where an option still lacks its value."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = (Path(word).expanduser() for word in line.split())
    return next((word for word in words if word.suffix in (".yaml", ".yml") and word.is_file()), None)


def complete_columns(ctx: Any, incomplete: str) -> list[str]:
    """What the latest run reports and the keys of its spec; after a comma once more."""
    head, comma, last = incomplete.rpartition(",")
    sign = "-" if last.startswith("-") else ""
    names = _starting(last.strip().removeprefix("-"), _columns(ctx))
    return [f"{head}{comma}{sign}{name}" for name in names]


def complete_run_keys(ctx: Any, incomplete: str) -> list[str]:
    """The keys of the resolved spec of the run on the command line."""
    return _starting(incomplete, _keys_of_run(ctx.params.get("run"), ctx))


def _keys_of_run(name: Any, ctx: Any) -> list[str]:
    from tfcli.logging.listing import find_run, list_runs
    from tfcli.runner.compared import ComparedRun

    try:
        (info,) = list_runs(find_run(name, Path(ctx.params.get("logdir") or "runs")))
    except (TfcliError, ValueError, TypeError):
        return []
    return ComparedRun(info).spec_keys


def _columns(ctx: Any) -> list[str]:
    from tfcli.logging.listing import list_runs
    from tfcli.runner.compared import FIELDS, ComparedRun

    try:
        places = ctx.params.get("runs") or [ctx.params.get("logdir") or "runs"]
        listed = list_runs(Path(places[0]), trials=True)
        latest = ComparedRun([run for run in listed if not run.is_study][-1])
    except (TfcliError, IndexError):
        return list(FIELDS)
    return [*latest.metric_names, *FIELDS, *latest.spec_keys]
