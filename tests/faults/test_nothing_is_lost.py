"""The short version of `scripts/torture`: whatever happens to process or disk, nothing that was saved is lost."""

from pathlib import Path

import pytest
from catalogue import FAULTS


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path):
    fault = FAULTS[name]
    tally = fault.run(tmp_path, fault.short, 0)
    if tally.remark:
        pytest.skip(tally.remark)
    assert tally.lost == []
    assert tally.tried >= fault.short
