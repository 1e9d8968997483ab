"""The short version of `scripts/fuzz`: whatever is in a file, it is read or refused, and does nothing else."""

from pathlib import Path

import pytest
from formats import FORMATS
from fuzz import hunt

MUTANTS = 500


@pytest.mark.parametrize("name", FORMATS)
def test_mutants(name: str, tmp_path: Path):
    assert hunt(name, MUTANTS, 0, tmp_path) == []
