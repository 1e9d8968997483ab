"""How the package hangs together: imports go one way, and what is heavy is loaded late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tfcli

PACKAGE = Path(tfcli.__file__).parent

MAY_IMPORT = {
    "declare": set(),
    "engine": {"declare"},
    "data": {"declare", "engine"},
    "logging": {"declare", "engine"},
    "saved_model": {"engine", "logging"},
    "models": {"declare", "engine", "logging", "saved_model"},
    "keras": {"declare", "engine", "data", "models", "runner", "saved_model"},
    "compat": {"engine", "models", "saved_model"},
    "spec": {"declare", "engine", "models", "data"},
    "runner": {"declare", "engine", "models", "data", "logging", "spec"},
    "tuning": {"declare", "engine", "models", "data", "logging", "spec", "runner"},
    "commands": {"declare", "engine", "models", "data", "logging", "spec", "runner", "tuning"},
}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way(room: str):
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {module}"
        for file in (PACKAGE / room).rglob("*.py")
        for module in imported_rooms(file)
        if module != room and module in MAY_IMPORT and module not in MAY_IMPORT[room]
    ]
    assert not wrong


def imported_rooms(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("tfcli.")}


def test_every_room_is_in_the_rule():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms - {"templates", "experiments"} == set(MAY_IMPORT)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not modules_after("import tfcli") & {
        "numpy",
        "llvmlite",
        "polars",
        "matplotlib",
        "tensorboard",
        "optuna",
        "PIL",
    }


def test_the_engine_loads_numpy_alone():
    heavy = {"polars", "matplotlib", "tensorboard", "optuna", "PIL", "rich", "typer"}
    assert not modules_after("import tfcli as tf; tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]))") & heavy
