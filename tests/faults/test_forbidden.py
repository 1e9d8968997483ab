"""No module of the package has the means to run what came in a file."""

from pathlib import Path

import pytest
from forbidden import OWN_PYTHON, SHELL, forbidden

import tfcli

PACKAGE = Path(tfcli.__file__).parent


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_that_could_run_what_is_in_a_file_is_used(file: Path):
    assert forbidden(file.read_text(), file.relative_to(PACKAGE).as_posix()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "from pickle import loads as read",
        "import _pickle",
        "import marshal",
        "import shelve",
        "import runpy",
        "from dill import load",
        "eval('1')",
        "run = exec",
        "[exec][0]('1')",
        "import builtins",
        "from builtins import eval as e",
        "__builtins__['eval']",
        "__import__('pickle')",
        "compile('1', '', 'eval')",
        "import yaml\nyaml.load(text)",
        "import yaml as y\ny.unsafe_load(text)",
        "from yaml import full_load",
        "from yaml import load as safe",
        "import yaml\nyaml.load(text, Loader=yaml.FullLoader)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module\nimport_module(spec['module'])",
        "from importlib import import_module\nimport_module(f'{name}.x')",
        "from importlib.util import spec_from_file_location",
        "spec.loader.exec_module(module)",
        "import os\nos.system(text)",
        "import subprocess\nsubprocess.run(text, shell=True)",
    ],
)
def test_it_is_found_under_any_name(source: str):
    assert forbidden(source, "data/reader.py")


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("import re\nre.compile('x')", "data/reader.py"),
        ("import yaml\nyaml.safe_load(text)", "data/reader.py"),
        ("np.load(path, allow_pickle=False)", "data/reader.py"),
        ("from importlib import import_module\nimport_module(f'tfcli.{name}')", "data/reader.py"),
        ("import importlib\nimportlib.import_module(name)", OWN_PYTHON),
        ("import subprocess\nsubprocess.run(text, shell=True)", SHELL),
    ],
)
def test_what_is_harmless_is_not(source: str, file: str):
    assert forbidden(source, file) == []
