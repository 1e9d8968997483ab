"""tfcli/declare/places.py says where each class is declared; a spec loads the modules of what it names alone."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import tfcli
from tfcli.declare.places import PLACES

ROOT = Path(tfcli.__file__).parents[1]


def test_the_places_are_those_of_the_declarations():
    spec = importlib.util.spec_from_file_location("declared_places", ROOT / "scripts" / "declared_places.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.places() == PLACES, "run: python scripts/declared_places.py"


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_name_loads_its_own_module():
    loaded = modules_after("from tfcli.models.layers.base import Layer; assert Layer.registry.find('Dense')")
    assert "tfcli.models.layers.core" in loaded
    assert "tfcli.models.layers.attention" not in loaded


def test_a_small_training_run_loads_nothing_heavy(tmp_path):
    (tmp_path / "line.yaml").write_text(
        "data: {source: {type: npz, path: d.npz, features: x, label: y}}\n"
        "model: {layers: [{type: dense, units: 1}]}\nloss: mse\ntrain: {epochs: 2}\n"
    )
    code = (
        "import numpy as np; from tfcli.commands.main import run; import os; "
        f"os.chdir({str(tmp_path)!r}); np.savez('d.npz', x=np.ones((4, 1)), y=np.ones(4)); "
        "assert run(['train', 'line.yaml', '-q']) == 0"
    )
    loaded = modules_after(code)
    heavy = {"matplotlib", "tensorboard", "google.protobuf", "numba", "polars", "optuna", "rich", "llvmlite"}
    small = {"importlib.metadata", "socket", "concurrent.futures", "PIL.GifImagePlugin"}  # a few milliseconds each
    assert not loaded & (heavy | small)
    others = {"models.layers.attention", "models.layers.cells", "models.metrics.confusion", "data.sources.csv"}
    assert not loaded & {f"tfcli.{module}" for module in (*others, "data.stages.images", "runner.keras_weights")}
    own = [module for module in loaded if module.startswith("tfcli.")]
    assert len(own) <= 205, "a module costs half a millisecond or more: import what few specs need inside of functions"
