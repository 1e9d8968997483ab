"""Each case trains through the command line, in numpy and by compiled kernels, to what Keras 3 made of the same spec,
data and initial weights.

A case is a folder of tests/parity: spec.yaml, data.npz, initial.safetensors, and Keras's history.json,
predictions.npz, weights.safetensors.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tfcli.commands.main import run

CASES = sorted(path.parent for path in Path(__file__).parent.glob("parity/*/spec.yaml"))


def test_there_are_cases():
    assert len(CASES) >= 80


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(
    case: Path, kernels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TFCLI_KERNELS", kernels)
    assert run(["train", str(case / "spec.yaml"), "--logdir", str(tmp_path), "--json"]) == 0
    path = Path(json.loads(capsys.readouterr().out)["run"])
    predictions = tmp_path / "p.npz"
    assert run(["predict", str(path), "--split", "test", "-o", str(predictions), "--quiet"]) == 0
    check_history(path, json.loads((case / "history.json").read_text()))
    check_arrays(dict(np.load(predictions)), dict(np.load(case / "predictions.npz")), rtol=1e-3, atol=3e-4)
    check_arrays(load_file(path / "model.safetensors"), load_file(case / "weights.safetensors"), rtol=2e-3, atol=5e-4)


def check_history(run_path: Path, expected: list[dict]) -> None:
    rows = [json.loads(line) for line in (run_path / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == len(expected)
    for row, keras in zip(rows, expected, strict=True):
        for key, value in keras.items():
            assert row[key] == pytest.approx(value, rel=2e-4, abs=2e-5), f"epoch {row['epoch']}, {key}"


def check_arrays(ours: dict, theirs: dict, rtol: float, atol: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, rtol=rtol, atol=atol, err_msg=name)
