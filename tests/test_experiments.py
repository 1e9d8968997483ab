"""Every spec under experiments/ runs, shortened; those that the README boasts of reach what it says."""

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

from tfcli.commands.main import run

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"
SHARED = Path(os.environ.get("TFCLI_SHARED", ROOT.parent / "shared"))
DATA = Path(os.environ.get("TFCLI_DATA", SHARED / "data"))
SHORTER = {
    "characters": ["data.source.stride=640"],
    "co2": ["train.epochs=2"],
    "line": ["train.epochs=2"],
    "shakespeare": ["data.source.stride=4096", "model.layers.blocks.repeat=1"],
    "beijing_pm25": ["data.source.sequence_stride=100"],
    "rt_polarity": ["data.pipeline.0.max_tokens=500"],
    "sms_spam": ["data.pipeline.0.max_tokens=500"],
}
BY_THEMSELVES = {"mnist_mlp", "mnist_cnn"}
"""These have a test of their own."""
SPECS = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml") if path.stem not in BY_THEMSELVES)


@pytest.mark.parametrize("name", SPECS)
def test_experiment_runs(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    spec = EXPERIMENTS / f"{name}.yaml"
    if "${TFCLI_DATA}" in spec.read_text():
        if not DATA.is_dir():
            pytest.skip("its data are not on this machine (TFCLI_DATA)")
        monkeypatch.setenv("TFCLI_DATA", str(DATA))
    options = [part for item in SHORTER.get(name, []) for part in ("--set", item)]
    command = "tune" if name.startswith("tune") else "train"
    short = ["--trials", "2", "--set", "train.epochs=1"] if command == "tune" else ["--epochs", "1"]
    assert run([command, str(spec), *short, *options, "--logdir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_the_page_of_results_is_up_to_date_and_every_goal_reached():
    spec = importlib.util.spec_from_file_location("results", ROOT / "scripts" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    measured = json.loads((ROOT / "docs" / "results.json").read_text())
    assert (ROOT / "docs" / "results.md").read_text() == script.page(measured)
    assert list(measured) == list(script.TASKS)
    assert [name for name, task in script.TASKS.items() if not task.reached(measured[name])] == []


@pytest.mark.parametrize(
    ("name", "least"),
    [("digits_cnn", 0.97), ("digits_mlp", 0.95), ("digits_svm", 0.96), ("iris", 0.93), ("penguins", 0.95)],
)
def test_experiment_reaches_its_accuracy(name: str, least: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["train", str(EXPERIMENTS / f"{name}.yaml"), "--logdir", str(tmp_path), "--json"]) == 0
    test = json.loads(capsys.readouterr().out)["test"]
    assert test.get("accuracy", test.get("categorical_accuracy")) >= least


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("name", "least"), [("digits_cnn", 0.97), ("digits_mlp", 0.95), ("iris", 0.93)])
def test_mixed_precision_reaches_the_accuracy_of_float32(
    name: str, least: float, precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options = ["--set", f"precision={precision}", "--logdir", str(tmp_path), "--json"]
    assert run(["train", str(EXPERIMENTS / f"{name}.yaml"), *options]) == 0
    test = json.loads(capsys.readouterr().out)["test"]
    assert test.get("accuracy", test.get("categorical_accuracy")) >= least
