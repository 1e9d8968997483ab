"""`tfcli tune`."""

import json
from pathlib import Path

import pytest

from tfcli.commands.main import run

SPEC = """\
data: {source: {type: bundled, name: iris}, pipeline: [{type: batch, batch_size: 50}]}
model: {layers: [{type: dense, name: h, units: 4}, {type: dense, units: 3}]}
loss: {type: sparse_categorical_crossentropy, from_logits: true}
train: {tensorboard: null, checkpoint: null}
tune: {sampler: grid, objective: loss, space: {model.layers.h.units: {values: [2, 4]}}}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "exp.yaml"
    path.write_text(SPEC)
    return path


def test_a_study_prints_a_line_a_trial_and_the_leaderboard(spec: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["tune", "exp.yaml"]) == 0
    captured = capsys.readouterr()
    assert [line[:13] for line in captured.err.splitlines()[1:]] == ["trial 0  loss", "trial 1  loss", "the search sp"]
    lines = captured.out.splitlines()
    assert lines[0].startswith("runs/exp/")
    assert lines[1].split() == ["trial", "state", "loss", "model.layers.h.units", "took"]
    assert lines[-3] == f"  tfcli train {lines[0]}/best.yaml"


def test_json_resume_and_more_trials(spec: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["tune", "exp.yaml", "--trials", "1", "--json", "--quiet"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(first["trials"]) == 1
    assert run(["tune", "--resume", first["study"], "--trials", "2", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert [trial["state"] for trial in second["trials"]] == ["done", "done"]
    assert second["trials"][0] == first["trials"][0]
    assert second["best_spec"] == f"{first['study']}/best.yaml"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["exp.yaml", "--workers", "2"], "runs one trial at a time"),
        ([], "give either a spec to search, or --resume"),
        (["--resume", "runs/exp", "--set", "seed=1"], "leave out --set"),
    ],
)
def test_what_does_not_go_together_is_refused(
    spec: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["tune", *words]) == 2
    assert message in capsys.readouterr().err
