"""Every spec under experiments/ runs, shortened; those that the README boasts of reach what it says."""

import json
from pathlib import Path

import pytest

from tfcli.commands.main import run

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
SHORTER = {
    "characters": ["data.source.stride=640"],
    "co2": ["train.epochs=2"],
    "line": ["train.epochs=2"],
}
NEEDS_FILES = {"mnist_mlp", "mnist_cnn"}
SPECS = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml") if path.stem not in NEEDS_FILES)


@pytest.mark.parametrize("name", SPECS)
def test_experiment_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    options = [part for item in SHORTER.get(name, []) for part in ("--set", item)]
    command = "tune" if name.startswith("tune") else "train"
    short = ["--trials", "2", "--set", "train.epochs=1"] if command == "tune" else ["--epochs", "1"]
    assert run([command, str(EXPERIMENTS / f"{name}.yaml"), *short, *options, "--logdir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


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
