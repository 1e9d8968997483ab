"""`tfcli runs`, `tfcli board` and `tfcli schema`."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest


@pytest.mark.parametrize("words", [("runs",), ("runs", "list")])
def test_the_list(tfcli, trained, words):
    result = tfcli(*words)
    assert f"flowers/{trained.name}  done" in result.out
    (run,) = tfcli(*words, "--json").json["runs"]
    assert (run["id"], run["state"]) == (trained.name, "done")


def test_no_logs_directory_is_said(tfcli):
    result = tfcli("runs")
    assert result.code == 2
    assert "runs" in result.err


def test_one_run(tfcli, trained):
    assert tfcli("runs", "show", "flowers").out.splitlines()[0] == f"runs/flowers/{trained.name}"
    assert tfcli("runs", "show", trained, "--json").json["summary"]["epochs"] == 2


def test_removing_asks(tfcli, trained):
    result = tfcli("runs", "remove", "flowers")
    assert result.code == 2
    assert "--yes" in result.err
    assert trained.is_dir()


def test_removing(tfcli, trained):
    assert tfcli("runs", "remove", "flowers", "--yes").code == 0
    assert not trained.exists()


def test_an_unknown_run_removes_none(tfcli, trained):
    assert tfcli("runs", "remove", "flowers", "absent", "--yes").code == 2
    assert trained.is_dir()


def test_schema_describes_a_spec(tfcli):
    schema = json.loads(tfcli("schema").out)
    assert "optimizer" in schema["properties"]


def test_board_serves_the_runs_until_interrupted(folder, trained):
    command = [sys.executable, "-m", "tfcli", "board", "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = json.loads(process.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}data/runs") as answer:
            assert answer.status == 200
    finally:
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in err


def test_board_needs_a_folder(tfcli):
    assert tfcli("board", "absent").code == 2
