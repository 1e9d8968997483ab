"""Programs as they are written for TensorFlow, with the import line changed: each asserts what it shows."""

import runpy
from pathlib import Path

import pytest

PROGRAMS = sorted(p for p in Path(__file__).parent.glob("*.py") if p.name != "test_all_programs.py")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_the_program_ends_without_an_error(program):
    assert runpy.run_path(str(program), run_name="__main__")


def test_there_are_programs():
    assert len(PROGRAMS) >= 15
