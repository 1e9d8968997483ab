"""From a kernel's text to a machine address, by LLVM, through a cache of compiled code on disk."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tfcli.engine.kernels.target import host, thread_count

if TYPE_CHECKING:
    from tfcli.engine.kernels.code import Code

_HEADER = 32
"""Bytes of the checksum that a cached file begins with."""
_WORTH_A_PROCESS = 3
"""Kernels from which on another process to compile them pays: some 50 ms."""
_MOST_AT_ONCE = 2048
"""Numbers of kernels that a pipe holds, whatever the system."""
_OPTIONS = ("-disable-lsr",)
"""What LLVM's code generator is told. Loop strength reduction, a fifth of its time, makes the kernels no faster."""
_ONE_AT_A_TIME = threading.Lock()
"""Two engines made at once would be one too many, and what the one that is dropped has compiled would go with it."""


_engines: list[_Engine] = []
"""Every one there was: threads and programs may run its code as long as the process lives."""


class _Engine:
    """LLVM with the code that this process has compiled or loaded."""

    def __init__(self) -> None:
        import llvmlite
        import llvmlite.binding as llvm

        for option in _OPTIONS:
            llvm.set_option("tfcli", option)
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.llvm, self.target = llvm, host()
        self.machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=self.target.name, features=self.target.features, opt=3, codemodel="jitdefault", jit=True
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self.machine)
        self._identity = f"{llvmlite.__version__} {_OPTIONS} {self.target.name} {self.target.features}\n"
        self._addresses: dict[str, tuple[int, ...]] = {}
        self._kernels: dict[Code, int] = {}
        _engines.append(self)

    def addresses(self, text: str, names: Sequence[str]) -> tuple[int, ...]:
        """Where the functions `names` of the module `text` begin."""
        key = self._key(text)
        if key not in self._addresses:
            machine_code = _read(key) or self._compile_and_keep(key, text, names)
            self._engine.add_object_file(self.llvm.ObjectFileRef.from_data(machine_code))
            self._engine.finalize_object()
            self._addresses[key] = tuple(self._engine.get_function_address(own) for own in _unique(names, key))
        return self._addresses[key]

    def address(self, code: Code) -> int:
        """Where the kernel begins."""
        if code not in self._kernels:
            (self._kernels[code],) = self.addresses(code.text(), [code.name])
        return self._kernels[code]

    def missing(self, codes: Iterable[Code]) -> list[Code]:
        """Those of the kernels that are neither loaded nor kept on disk."""
        by_key = {self._key(code.text()): code for code in dict.fromkeys(codes) if code not in self._kernels}
        return [code for key, code in by_key.items() if key not in self._addresses and not _is_kept(key)]

    def keep(self, codes: Iterable[Code]) -> None:
        """Compile the kernels for whoever loads them from disk."""
        for code in codes:
            self._compile_and_keep(self._key(code.text()), code.text(), [code.name])

    def _key(self, text: str) -> str:
        return hashlib.sha256((self._identity + text).encode()).hexdigest()

    def _compile_and_keep(self, key: str, text: str, names: Sequence[str]) -> bytes:
        for name, own in zip(names, _unique(names, key), strict=True):
            text = text.replace(f"@{name}(", f"@{own}(")
        machine_code = self._compile(text)
        _write(key, machine_code)
        return machine_code

    def _compile(self, text: str) -> bytes:
        module = self.llvm.parse_assembly(text)
        module.verify()
        builder = self.llvm.create_pass_builder(self.machine, self.llvm.create_pipeline_tuning_options(speed_level=2))
        # Kernels come vectorized and unrolled. What is left to do: locals into registers, addresses simplified, loops
        # with their test at the end, nothing computed twice. LLVM's whole pipeline takes five times as long, and the
        # kernels are no faster.
        passes = self.llvm.create_new_module_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_loop_rotate_pass()
        passes.add_new_gvn_pass()
        passes.run(module, builder)
        return self.machine.emit_object(module)


def _unique(names: Sequence[str], key: str) -> list[str]:
    """The engine finds functions by name, so each text's have names of their own."""
    return [f"{name}_{key[:16]}" for name in names]


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def compiled_functions(text: str, *names: str) -> tuple[int, ...]:
    """The machine addresses of the functions `names` in the module `text`."""
    with _ONE_AT_A_TIME:
        return _engine().addresses(text, names)


def compile_ahead(codes: Iterable[Code]) -> None:
    """Compile what is missing of the kernels on all processors, so that `compiled` finds it on disk.

    LLVM takes one thread of a process; so copies of this one do it. Whatever one of them could not do or keep is
    compiled when it is asked for.
    """
    with _ONE_AT_A_TIME:
        missing = _engine().missing(codes)
        processes = min(thread_count(), len(missing) // _WORTH_A_PROCESS)
        if sys.platform != "linux" or processes < 2:
            return
        # The long ones first, so that at the end nobody waits for one.
        queue = _Queue(sorted(missing, key=lambda code: -len(code.text())))
        children = [_forked(queue) for _ in range(processes - 1)]
        _engine().keep(queue)
        for child in children:
            os.waitpid(child, 0)


class _Queue:
    """Kernels that several processes take, each the next one: a pipe holds the numbers of those that are left."""

    def __init__(self, codes: Sequence[Code]) -> None:
        self._codes = codes[:_MOST_AT_ONCE]
        self._taking, adding = os.pipe()
        os.write(adding, b"".join(number.to_bytes(2, "little") for number in range(len(self._codes))))
        os.close(adding)

    def __iter__(self) -> Iterator[Code]:
        while number := os.read(self._taking, 2):
            yield self._codes[int.from_bytes(number, "little")]
        os.close(self._taking)


def _forked(queue: _Queue) -> int:
    """The number of a process that compiles kernels of the queue."""
    with warnings.catch_warnings():
        # Python warns of forking beside threads. The child needs none of theirs: it computes, writes files and ends.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            _engine().keep(queue)
        finally:
            os._exit(0)
    return child


def compiled(code: Code) -> int:
    """The machine address of a kernel."""
    with _ONE_AT_A_TIME:
        return _engine().address(code)


@functools.cache
def available() -> bool:
    """Whether code can be generated here: llvmlite is installed, and the machine is one we have tried."""
    import importlib.util

    return sys.byteorder == "little" and sys.maxsize > 2**32 and importlib.util.find_spec("llvmlite") is not None


def _folder() -> Path:
    given = os.environ.get("TFCLI_CACHE_DIR")
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfcli"
    return base / "kernels"


def _is_kept(key: str) -> bool:
    try:
        return (_folder() / f"{key}.o").exists()
    except (OSError, RuntimeError):
        return False


def _read(key: str) -> bytes | None:
    """The compiled code, if it is there, whole, and nobody else's."""
    try:
        path = _folder() / f"{key}.o"
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            return None
        content = path.read_bytes()
    except (OSError, RuntimeError):
        return None
    checksum, compiled = content[:_HEADER], content[_HEADER:]
    return compiled if hashlib.sha256(compiled).digest() == checksum else None


def _write(key: str, compiled: bytes) -> None:
    """Keep it for the next process; where that cannot be, the next process compiles again."""
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(compiled).digest() + compiled)
        os.replace(temporary, folder / f"{key}.o")
    except (OSError, RuntimeError):
        return
