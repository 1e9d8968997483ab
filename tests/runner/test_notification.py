"""`train.on_end`: the command that runs when training ends."""

from pathlib import Path

import pytest

from tfcli.errors import TrainingError
from tfcli.runner import training
from tfcli.runner.report import Reporter
from tfcli.spec.load import load_experiment

SPEC = """\
name: told
data:
  source: {{type: bundled, name: iris}}
  pipeline: [{{type: batch, batch_size: 64}}]
model:
  layers: [{{type: dense, units: 3, activation: softmax}}]
loss: sparse_categorical_crossentropy
optimizer: {{type: sgd, learning_rate: {rate}}}
train: {{epochs: 1, on_end: {command}}}
"""
TELL = "'echo $TFCLI_STATUS $TFCLI_RUN >> ended.txt'"


class Notes(Reporter):
    wants_pictures = False

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def train(command: str, rate: str = "0.01") -> tuple[training.Finished, Notes]:
        (tmp_path / "exp.yaml").write_text(SPEC.format(command=command, rate=rate))
        reporter = Notes()
        return training.train(load_experiment(tmp_path / "exp.yaml"), tmp_path / "runs", None, reporter), reporter

    return train


def told(tmp_path: Path) -> list[list[str]]:
    file = tmp_path / "ended.txt"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_it_is_told_the_run_and_its_state(train, tmp_path: Path):
    finished, reporter = train(TELL)
    assert told(tmp_path) == [["done", str(finished.run.path)]]
    assert reporter.notes == []


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # numbers overflow, as they are meant to
def test_a_failed_run_is_told_too(train, tmp_path: Path):
    with pytest.raises(TrainingError):
        train(TELL, rate="1e38")
    assert [state for state, _ in told(tmp_path)] == ["failed"]


def test_that_it_fails_changes_nothing(train):
    finished, reporter = train("'exit 3'")
    assert finished.run.status()["state"] == "done"
    assert reporter.notes == ["on_end failed: 'exit 3' ended with 3"]


def test_a_run_that_is_resumed_runs_it_only_where_trusted(train, tmp_path: Path):
    run = train(TELL)[0].run
    reporter = Notes()
    training.resume(run, 2, reporter)
    assert len(told(tmp_path)) == 1
    assert "--trust" in reporter.notes[0]
    training.resume(run, 3, reporter, trust=True)
    assert len(told(tmp_path)) == 2
