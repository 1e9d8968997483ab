"""Writes docs/commands.md, the manual of the command line, from the commands themselves: python docs/commands.py"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfcli.commands.main import COMMANDS, app, load_command

PAGE = Path(__file__).resolve().parent / "commands.md"
_HEAD = """\
# The command line

Made by `python docs/commands.py` from the commands themselves; `tfcli COMMAND --help` says the same.

Results go to standard output; progress, remarks and errors to standard error. `--json` prints one JSON object and
nothing else. `--debug`, anywhere on the line, shows the traceback of an error.
"""
_FOOT = """\
## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed while running; the message says what, where, and what to do |
| 2 | the command line, the spec or the data is wrong |
| 130 | interrupted by ctrl-C (143: by SIGTERM); a checkpoint was written first |

## Environment

| variable | meaning |
|---|---|
| `NO_COLOR` | any value: no colours; there are none where the output is no terminal, and where `TERM` is `dumb` |
| `TFCLI_NUM_THREADS`, `OPENBLAS_NUM_THREADS` | how many threads compute |
| `SHELL` | the shell that `tfcli completion` writes for, where none is named |

`train.on_end` of a spec is a command that runs when training ends, with `TFCLI_RUN` (the run's directory) and
`TFCLI_STATUS` (`done`, `interrupted` or `failed`) in its environment.

## Files

A run is a directory `runs/NAME/DATE-TIME-LETTERS/`:

| file | what it holds |
|---|---|
| `spec.yaml` | the resolved spec: every default and `--set` written out; it can be trained again as it is |
| `origins.json` | where each value of the spec came from, for `tfcli runs explain` |
| `environment.json` | command, versions, CPU, threads, git commit, seed, fingerprints of the data |
| `annotations.json` | tags and the note, where there are any |
| `status.json` | running, done, interrupted or failed, with epoch, step, error |
| `metrics.jsonl`, `summary.json` | the values of each epoch; what the run came to |
| `checkpoints/`, `model.safetensors` | states to go on from; the trained weights |
| `preprocessing/` | vocabularies, means and so on that were learned from the training data |
| `plots/`, `train/`, `validation/` | pictures; event files for TensorBoard |

`runs/.trash/` has what `tfcli runs remove` took away, and `runs/.index.json`, a cache, what the files of finished runs
say, where there are some hundreds.
"""


def page() -> str:
    """The text of docs/commands.md."""
    parts = [_HEAD, "\n".join(f"- [`tfcli {name}`](#tfcli-{name}): {_first(load_command(name))}" for name in COMMANDS)]
    for name in COMMANDS:
        parts += _sections(f"tfcli {name}", load_command(name))
    return "\n\n".join(part.strip("\n") for part in [*parts, _FOOT]) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that has a help page, with its full name."""
    import typer

    yield "tfcli", typer.main.get_command(app)
    for name in COMMANDS:
        command = load_command(name)
        yield f"tfcli {name}", command
        for inner, item in getattr(command, "commands", {}).items():
            yield f"tfcli {name} {inner}", item


def _sections(name: str, command: Any, level: str = "##") -> Iterator[str]:
    text, _, example = inspect.cleandoc((command.help or "").replace("\b", "")).partition("Example:")
    yield f"{level} {name}"
    context = command.context_class(command, info_name=name)
    words = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    words += ["COMMAND", "[ARGS]…"] if hasattr(command, "commands") else []
    yield f"```\n{' '.join([name, '[OPTIONS]', *words])}\n```"
    yield re.sub(r"[ \t]+\n", "\n", text).strip()
    rows = list(_rows(command, context))
    if rows:
        yield "\n".join(["| | |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)])
    yield f"```sh\n{inspect.cleandoc(example.strip(chr(10)))}\n```"
    for inner, item in getattr(command, "commands", {}).items():
        yield from _sections(f"{name} {inner}", item, level + "#")


def _rows(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    """Arguments and options as the help page has them."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != "help":
            left, right = record
            left = _argument(parameter) if parameter.param_type_name == "argument" else left
            yield f"`{_escaped(left)}`", _escaped(right)


def _argument(parameter: Any) -> str:
    """`RUN`, `[RUN]` where it may be left out, `RUN…` for any number: versions of Typer write them differently."""
    name = (parameter.metavar or parameter.name.upper()).translate({ord(mark): None for mark in "[]…"})
    return (name if parameter.required else f"[{name}]") + ("…" if parameter.nargs == -1 else "")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _first(command: Any) -> str:
    """The first sentence of its help."""
    text = " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.;])\s", text)[0].rstrip(".;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
