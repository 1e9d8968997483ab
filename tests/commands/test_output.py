"""How commands print."""

import io
from pathlib import Path

import pytest

from tfcli.commands import output
from tfcli.commands.progress import LogReporter, SilentReporter, TerminalReporter, reporter


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5000"),
        (0.0, "0.0000"),
        (12345.678, "1.235e+04"),
        (1e-5, "1e-05"),
        (3, "3"),
        ([0.5, 1.0], "[0.5000 1.0000]"),
    ],
)
def test_numbers(value, text):
    assert output.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5e-6, "5 µs"), (0.0123, "12.3 ms"), (4.567, "4.57 s"), (185, "3 min 05 s"), (7380, "2 h 03 min")],
)
def test_durations(seconds, text):
    assert output.duration(seconds) == text


def test_a_table_has_numbers_to_the_right(capsys):
    output.print_table([("a", 1), ("bcd", 1234)], ["name", "count"])
    assert capsys.readouterr().out == "name  count\na         1\nbcd   1,234\n"


def test_an_empty_table_is_its_header(capsys):
    output.print_table([], ["name", "count"])
    assert capsys.readouterr().out == "name  count\n"


def test_json_has_no_nan(capsys):
    output.print_json({"loss": float("nan"), "path": Path("a/b"), "list": (1, float("inf"))})
    assert capsys.readouterr().out == '{"loss": null, "path": "a/b", "list": [1, null]}\n'


def test_commands_are_quoted_for_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert output.typed("tfcli", "train", tmp_path / "my spec.yaml") == "tfcli train 'my spec.yaml'"


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colour(stream, environment, expected, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert output.has_colour(stream) is expected


def test_the_reporter_suits_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(reporter(quiet=False)) is LogReporter
    monkeypatch.setattr("sys.stderr", Terminal())
    assert type(reporter(quiet=False)) is TerminalReporter
    assert type(reporter(quiet=True)) is SilentReporter


def test_the_bar_leaves_the_finished_lines_alone(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr("tfcli.commands.progress._BAR_AFTER_SECONDS", 0)
    monkeypatch.setattr("tfcli.commands.progress._REDRAW_SECONDS", 0)
    import sys

    with TerminalReporter() as progress:
        progress.epoch_started(1, 1, 2, 0)
        progress.step_done(0.5)
        progress.step_done(0.25)
        progress.epoch_ended({"epoch": 1, "step": 2, "loss": 0.25, "seconds": 0.1}, 1)
    shown = sys.stderr.getvalue()
    assert "1/2" in shown
    assert "epoch 1/1  loss 0.2500  100 ms\n" in shown


def test_a_table_that_is_too_wide_for_the_terminal_goes_on_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    output.print_table([("a", 1, 2.5), ("b", 10, 0.5)], ["run", "parameters", "loss"])
    expected = [
        "run  parameters",
        "a             1",
        "b            10",
        "",
        "run    loss",
        "a    2.5000",
        "b    0.5000",
    ]
    assert capsys.readouterr().out.splitlines() == expected
