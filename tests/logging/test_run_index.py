"""The index of a logs directory: what it says is what reading every run says."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))
from many_runs import make_runs

from tfcli.logging.listing import list_runs
from tfcli.logging.run_index import NAME


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """300 runs that were written a while ago, and their index."""
    for path in make_runs(tmp_path, 300, epochs=2):
        for file in path.iterdir():
            os.utime(file, (1_000_000_000, 1_000_000_000))
    list_runs(tmp_path)
    assert (tmp_path / NAME).is_file()
    return tmp_path


def test_indexed_runs_are_those_that_were_read(logdir: Path):
    indexed = list_runs(logdir)
    (logdir / NAME).unlink()
    assert indexed == list_runs(logdir)


def test_a_changed_run_is_read_anew(logdir: Path):
    first = list_runs(logdir)[0].path
    (first / "annotations.json").write_text(json.dumps({"tags": ["baseline"], "note": ""}))
    (first / "status.json").write_text(json.dumps({"state": "failed", "error": "boom"}))
    found = next(run for run in list_runs(logdir) if run.path == first)
    assert (found.annotations["tags"], found.state) == (["baseline"], "failed")


def test_runs_that_are_gone_are_not_listed(logdir: Path):
    list_runs(logdir)[0].path.rename(logdir.parent / f"{logdir.name}-elsewhere")
    assert len(list_runs(logdir)) == 299


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 0}', '{"version": 1}'])
def test_a_damaged_index_is_none(logdir: Path, text: str):
    (logdir / NAME).write_text(text)
    assert len(list_runs(logdir)) == 300


def test_an_index_of_others_making_is_none(logdir: Path):
    known = json.loads((logdir / NAME).read_text())
    (logdir / NAME).write_text(json.dumps(known | {"parts": []}))
    assert len(list_runs(logdir)) == 300


def test_few_runs_have_no_index(tmp_path: Path):
    make_runs(tmp_path, 5, epochs=1)
    list_runs(tmp_path)
    assert not (tmp_path / NAME).exists()
