"""The choice of OpenBLAS's kernels."""

import os
import sys

import pytest

from tfcli.engine.kernels import blas

SKYLAKE = "processor\t: 0\nflags\t\t: fpu sse avx2 avx512f avx512dq avx512cd avx512bw avx512vl\n"
HASWELL = "processor\t: 0\nflags\t\t: fpu sse avx2\n"
PARTIAL = "processor\t: 0\nflags\t\t: fpu avx512f avx512cd\n"


@pytest.fixture
def chosen(monkeypatch):
    """Chooses for a CPU in a process without numpy; the kernels chosen, or None."""
    monkeypatch.setenv("OPENBLAS_CORETYPE", "")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    monkeypatch.delitem(sys.modules, "numpy", raising=False)

    def choose(cpuinfo):
        monkeypatch.setattr(blas, "read_cpuinfo", lambda: cpuinfo)
        blas.choose_blas_kernels()
        return os.environ.get("OPENBLAS_CORETYPE")

    return choose


@pytest.mark.parametrize(("text", "expected"), [(SKYLAKE, True), (HASWELL, False), (PARTIAL, False), ("", False)])
def test_avx512_needs_all_its_parts(text, expected):
    assert blas.has_avx512(text) is expected


def test_avx512_kernels_are_chosen(chosen):
    assert chosen(SKYLAKE) == "SkylakeX"


def test_other_cpus_are_left_alone(chosen):
    assert chosen(HASWELL) is None


def test_the_users_choice_stays(chosen, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert chosen(SKYLAKE) == "Haswell"


def test_nothing_is_chosen_once_numpy_is_there(chosen, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", os)
    assert chosen(SKYLAKE) is None


def test_a_machine_without_cpuinfo_says_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(blas, "_CPUINFO", tmp_path / "absent")
    assert blas.read_cpuinfo() == ""
