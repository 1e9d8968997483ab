"""`tfcli tune`."""

import json
import re
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
    assert lines[1].split() == ["trial", "state", "loss", "units", "took"]
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
        (["exp.yaml", "--address", "127.0.0.1:6379"], "add --engine ray"),
        (["--resume", "runs/exp", "--storage", "sqlite:///s.db"], "leave out --set, --name, --storage"),
        ([], "give either a spec to search, or --resume"),
        (["--resume", "runs/exp", "--set", "seed=1"], "leave out --set"),
    ],
)
def test_what_does_not_go_together_is_refused(
    spec: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["tune", *words]) == 2
    assert message in capsys.readouterr().err


def test_workers_give_the_same_leaderboard_and_the_pictures_are_drawn(
    spec: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert run(["tune", "exp.yaml", "--json", "--quiet"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert run(["tune", "exp.yaml", "--json", "--quiet", "--workers", "2"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert [trial["value"] for trial in both["trials"]] == [trial["value"] for trial in alone["trials"]]
    assert {path.name for path in Path(both["study"]).glob("plots/*")} == {"history.png", "slice.png"}


def test_a_search_over_several_keys_has_all_four_pictures(spec: Path, capsys: pytest.CaptureFixture[str]):
    values = "optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}, optimizer.type: {values: [sgd, adam]}"
    options = ["--set", f"tune={{sampler: tpe, trials: 6, objective: loss, space: {{{values}}}}}"]
    assert run(["tune", "exp.yaml", *options, "--quiet"]) == 0
    study = Path(capsys.readouterr().out.strip())
    names = {"history.png", "slice.png", "parallel_coordinates.png", "importances.png"}
    assert {path.name for path in study.glob("plots/*")} == names


def test_on_a_terminal_a_table_shows_the_trials_under_way(spec: Path, monkeypatch: pytest.MonkeyPatch):
    import io

    from tfcli.commands.tune_progress import TerminalStudyReporter
    from tfcli.spec.load import load_experiment
    from tfcli.tuning.search import tune

    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("tfcli.commands.tune_progress._REFRESH", 0.0)
    with TerminalStudyReporter() as reporter:
        tune(load_experiment(spec), spec.parent / "runs", reporter=reporter, trials=2)
    shown = screen.getvalue()
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in shown.splitlines()]
    assert next(line.split() for line in lines if line.startswith("trial ")) == [
        "trial",
        "loss",
        "best",
        "units",
        "took",
    ]
    assert any(re.match(r" +1 +\d+\.\d{4} +\d+\.\d{4} +4  [\d.]+ m?s$", line) for line in lines), "trial 1 has ended"
    assert "epoch 1/1" in shown
    assert "1 of 2 trials" in shown
    assert "left" in shown or "nearly done" in shown
