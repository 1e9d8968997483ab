"""From a kernel's text to a machine address, by LLVM, through a cache of compiled code on disk."""

import functools
import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from tfcli.engine.kernels.code import Code
from tfcli.engine.kernels.target import host

_HEADER = 32
"""Bytes of the checksum that a cached file begins with."""
_ONE_AT_A_TIME = threading.Lock()
"""Two engines made at once would be one too many, and what the one that is dropped has compiled would go with it."""


class _Engine:
    """LLVM with the code that this process has compiled or loaded."""

    def __init__(self) -> None:
        import llvmlite
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.llvm, self.target = llvm, host()
        self.machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=self.target.name, features=self.target.features, opt=3, codemodel="jitdefault", jit=True
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self.machine)
        self._identity = f"{llvmlite.__version__} {self.target.name} {self.target.features}\n"
        self._addresses: dict[str, tuple[int, ...]] = {}

    def addresses(self, text: str, names: Sequence[str]) -> tuple[int, ...]:
        """Where the functions `names` of the module `text` begin."""
        key = hashlib.sha256((self._identity + text).encode()).hexdigest()
        if key not in self._addresses:
            # The engine finds functions by name, so each text's have names of their own.
            unique = [f"{name}_{key[:16]}" for name in names]
            for name, own in zip(names, unique, strict=True):
                text = text.replace(f"@{name}(", f"@{own}(")
            machine_code = _read(key)
            if machine_code is None:
                machine_code = self._compile(text)
                _write(key, machine_code)
            self._engine.add_object_file(self.llvm.ObjectFileRef.from_data(machine_code))
            self._engine.finalize_object()
            self._addresses[key] = tuple(self._engine.get_function_address(own) for own in unique)
        return self._addresses[key]

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


@functools.cache
def _engine() -> _Engine:
    return _Engine()


def compiled_functions(text: str, *names: str) -> tuple[int, ...]:
    """The machine addresses of the functions `names` in the module `text`."""
    with _ONE_AT_A_TIME:
        return _engine().addresses(text, names)


def compiled(code: Code) -> int:
    """The machine address of a kernel."""
    return compiled_functions(code.text(), code.name)[0]


@functools.cache
def available() -> bool:
    """Whether code can be generated here: llvmlite is installed, and the machine is one we have tried."""
    import importlib.util

    return sys.byteorder == "little" and sys.maxsize > 2**32 and importlib.util.find_spec("llvmlite") is not None


def _folder() -> Path:
    given = os.environ.get("TFCLI_CACHE_DIR")
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfcli"
    return base / "kernels"


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
