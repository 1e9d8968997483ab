"""The short version of `scripts/soak`, and what it takes for growth."""

from pathlib import Path

import pytest
from soaking import MIB, Look, Soak


def test_nothing_grows(tmp_path: Path):
    if not Path("/proc/self/status").exists():
        pytest.skip("looks at /proc, which is Linux's")
    soak = Soak.run(tmp_path, 10.0, looks=10)
    assert soak.problems() == []
    assert soak.looks[-1].step > 0


def looks(**grown: int) -> list[Look]:
    steady = {"memory": 50 * MIB, "handles": 7, "threads": 2, "files": 30, "disk": MIB}
    return [
        Look(
            float(second), 10 * second, **steady | {name: steady[name] + each * second for name, each in grown.items()}
        )
        for second in range(1, 41)
    ]


@pytest.mark.parametrize(("name", "each"), [("memory", MIB), ("handles", 1), ("threads", 1), ("files", 1)])
def test_growth_is_found(name: str, each: int):
    (problem,) = Soak(looks(**{name: each}), code=143).problems()
    assert problem.startswith(f"{name} grew from")


def test_a_curve_may_grow_and_an_end_of_its_own_may_not_be():
    assert Soak(looks(disk=MIB // 100), code=143).problems() == []
    assert "ended with code 1" in Soak(looks(), code=1, output="error: no").problems()[0]
