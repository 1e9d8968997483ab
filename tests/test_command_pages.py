"""The manual of the command line, and the help pages that it is made from."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("commands_page", DOCS / "commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMANDS = dict(generator().commands())


def test_the_page_is_up_to_date():
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == generator().page(), "run python docs/commands.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_page_has_an_example_of_its_command(name: str):
    example = (COMMANDS[name].help or "").partition("Example:")[2]
    assert re.search(rf"^\W*(eval \"\$\()?{name}\b", example, re.MULTILINE), f"{name} --help has no example"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str):
    silent = [p.name for p in COMMANDS[name].params if not getattr(p, "help", None) and p.name != "help"]
    assert silent == []
