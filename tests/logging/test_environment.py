import json
import os
import subprocess

import numpy as np
import pytest

from tfcli.logging.environment import describe_environment, describe_git


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "spec.yaml").write_text("name: a\n")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


def test_it_holds_what_is_needed_to_compare_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "SkylakeX")
    found = describe_environment(["tfcli", "train", "a.yaml"], 7, {"train": "ab12"}, tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert (found["seed"], found["data"], found["command"][1]) == (7, {"train": "ab12"}, "train")
    assert found["versions"]["numpy"] == np.__version__
    assert found["cpu"]["cores"] == os.cpu_count()
    assert found["variables"]["OPENBLAS_CORETYPE"] == "SkylakeX"


def test_a_clean_repository(repository):
    found = describe_git(repository)
    assert len(found["commit"]) == 40
    assert found["dirty"] is False


def test_a_changed_file_makes_it_dirty_and_a_new_one_does_not(repository):
    (repository / "new.txt").write_text("1")
    assert describe_git(repository)["dirty"] is False
    (repository / "spec.yaml").write_text("name: b\n")
    assert describe_git(repository)["dirty"] is True


def test_outside_a_repository_or_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert describe_git(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe_git(tmp_path) is None


def test_a_monitor_named_by_the_repository_is_not_run(repository):
    trap = repository / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    subprocess.run(["git", "-C", str(repository), "config", "core.fsmonitor", str(trap)], check=True)
    describe_git(repository)
    assert not (repository / "sprung").exists()


def test_threads_are_those_that_blas_was_told(tmp_path, monkeypatch):
    monkeypatch.delenv("TFCLI_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert describe_environment([], 0, {}, tmp_path)["threads"] == 3
