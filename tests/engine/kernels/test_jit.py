"""Compiling kernels, and the cache of compiled code."""

import ctypes
import os

import pytest

from tfcli.engine.kernels import jit
from tfcli.engine.kernels.code import Code


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A cache of the test's own, and an engine that has compiled nothing yet."""
    monkeypatch.setenv("TFCLI_CACHE_DIR", str(tmp_path))
    jit._engine.cache_clear()
    yield tmp_path / "kernels"
    jit._engine.cache_clear()


def storing(number: int) -> Code:
    """A kernel that stores a number at its argument."""
    code = Code("storing")
    code.store(code.constant("i64", number), code.argument(0))
    return code


def stored(code: Code) -> int:
    """What the kernel stores."""
    word = ctypes.c_int64()
    arguments = (ctypes.c_int64 * 1)(ctypes.addressof(word))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(jit.compiled(code))(arguments, 0, 1)
    return word.value


def test_two_kernels_of_one_name_are_told_apart():
    assert [stored(storing(n)) for n in (5, 6, 5)] == [5, 6, 5]


def test_compiled_code_is_kept_for_the_next_process(folder, monkeypatch):
    stored(storing(7))
    jit._engine.cache_clear()
    monkeypatch.setattr(jit._Engine, "_compile", lambda *_: pytest.fail("compiled again"))
    assert stored(storing(7)) == 7


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 400])
def test_a_damaged_file_is_compiled_anew(folder, damage):
    stored(storing(8))
    (path,) = folder.iterdir()
    good = path.read_bytes()
    path.write_bytes(damage)
    jit._engine.cache_clear()
    assert stored(storing(8)) == 8
    assert path.read_bytes() == good


def test_one_flipped_byte_is_noticed(folder):
    stored(storing(9))
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    jit._engine.cache_clear()
    assert stored(storing(9)) == 9


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("TFCLI_CACHE_DIR", str(blocked))
    assert stored(storing(10)) == 10


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_the_cache_is_for_its_owner_alone(folder):
    stored(storing(11))
    assert folder.stat().st_mode & 0o077 == 0


def test_kernels_are_compiled_ahead_in_several_processes(folder, monkeypatch):
    monkeypatch.setenv("TFCLI_NUM_THREADS", "2")
    codes = [storing(n) for n in range(20, 28)]
    jit.compile_ahead(codes)
    assert len(list(folder.iterdir())) == len(codes)
    monkeypatch.setattr(jit._Engine, "_compile", lambda *_: pytest.fail("compiled again"))
    assert [stored(code) for code in codes] == list(range(20, 28))


def test_each_kernel_is_compiled_by_one_process(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("TFCLI_NUM_THREADS", "4")
    compile_ = jit._Engine._compile

    def noted(engine, text):
        with open(tmp_path / "compiled", "a") as file:
            file.write("one\n")
        return compile_(engine, text)

    monkeypatch.setattr(jit._Engine, "_compile", noted)
    jit.compile_ahead([storing(n) for n in range(50, 70)])
    assert len((tmp_path / "compiled").read_text().splitlines()) == 20


def test_what_was_compiled_ahead_is_what_one_process_compiles(folder, monkeypatch):
    def files(threads: str) -> dict[str, bytes]:
        monkeypatch.setenv("TFCLI_NUM_THREADS", threads)
        jit.compile_ahead([storing(n) for n in range(30, 38)])
        for n in range(30, 38):
            stored(storing(n))
        jit._engine.cache_clear()
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    together = files("2")
    for path in folder.iterdir():
        path.unlink()
    assert files("1") == together


def test_kernels_are_compiled_one_by_one_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TFCLI_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("TFCLI_NUM_THREADS", "2")
    codes = [storing(n) for n in range(40, 48)]
    jit.compile_ahead(codes)
    assert [stored(code) for code in codes] == list(range(40, 48))
