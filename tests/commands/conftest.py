"""A folder of its own for each test, a small spec in it, and command lines run in this process."""

import json
from dataclasses import dataclass

import pytest

from tfcli.commands.main import run

SPEC = """\
name: flowers
seed: 7
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2, test: 0.2, stratify: true}
  pipeline:
    - {type: shuffle, buffer_size: 200}
    - {type: batch, batch_size: 16}
model:
  layers:
    - {type: dense, units: 8, activation: relu}
    - {type: dropout, rate: 0.2}
    - {type: dense, units: 3, activation: softmax}
loss: sparse_categorical_crossentropy
optimizer: {type: adam, learning_rate: 0.01}
metrics: [accuracy]
train: {epochs: 2}
"""


@dataclass
class Result:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with exp.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp.yaml").write_text(SPEC)
    return tmp_path


@pytest.fixture
def tfcli(folder, capsys):
    """Runs a command line in `folder`."""

    def call(*words):
        capsys.readouterr()
        code = run([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def trained(tfcli, folder):
    """The directory of a trained run."""
    result = tfcli("train", "exp.yaml", "--quiet")
    assert result.code == 0, result.err
    return folder / result.out.strip()
