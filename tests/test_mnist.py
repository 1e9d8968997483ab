"""MNIST through the command line. Needs the four idx files, in $TFCLI_SHARED/data/mnist or ../shared/data/mnist."""

import json
import os
from pathlib import Path

import pytest

from tfcli.commands.main import run

ROOT = Path(__file__).parent.parent
MNIST = Path(os.environ.get("TFCLI_SHARED", ROOT.parent / "shared")) / "data" / "mnist"


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"the MNIST files are not in {MNIST.name} beside the checkout")
@pytest.mark.parametrize(("name", "least"), [("mnist_mlp", 0.97), ("mnist_cnn", 0.985)])
def test_accuracy(
    name: str, least: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TFCLI_DATA", str(MNIST.parent))
    assert run(["train", str(ROOT / "experiments" / f"{name}.yaml"), "--logdir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"]["accuracy"] >= least
