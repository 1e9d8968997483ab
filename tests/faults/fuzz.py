"""Bad files by the thousand, each read in a process of its own, which is watched: memory, time, and what it does.

`python fuzz.py FORMAT FIRST COUNT SEED FOLDER` imports what reading takes, forks itself for each mutant, and prints a
line of JSON a finding. `hunt` starts it.
"""

import gc
import json
import os
import random
import resource
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from formats import FORMATS, Format

import tfcli
from tfcli.errors import TfcliError

PACKAGE = str(Path(tfcli.__file__).parent)
LONGEST = 10
"""Seconds of processor time for one file."""
STUCK = 120
"""Seconds after which a process that waits for something is ended, on a machine that may have other work."""
ALLOWED_MEMORY = 64 << 20
"""Bytes that reading a file may take besides twice its size."""
ALLOWED_ADDRESSES = 1 << 30
"""Bytes that it may ask for, touched or not."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FORBIDDEN = (
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "pickle.find_class",
    "socket.connect",
    "os.remove",
)


@dataclass(frozen=True)
class Finding:
    """What a mutant did that none may do."""

    format: str
    number: int
    what: str


def mutant(name: str, number: int, seed: int) -> bytes:
    """The same for the same name, number and seed."""
    return _mutant(FORMATS[name], FORMATS[name].samples(), f"{seed}-{name}-{number}")


def _mutant(form: Format, samples: list[bytes], seed: str) -> bytes:
    draw = random.Random(seed)
    return form.change(draw.choice(samples), draw)


def hunt(name: str, count: int, seed: int, folder: Path, first: int = 0) -> list[Finding]:
    """Read `count` mutants, each in a process of its own."""
    process = subprocess.run(
        [sys.executable, __file__, name, str(first), str(count), str(seed), str(folder)],
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "MNIST": "/nowhere", "TFCLI_DATA": "/nowhere"},
        text=True,
        check=True,
    )
    return [Finding(name, *json.loads(line)) for line in process.stdout.splitlines()]


def _read_mutants(name: str, first: int, count: int, seed: int, folder: Path) -> None:
    form = FORMATS[name]
    path = folder / "read" / form.file
    path.parent.mkdir(exist_ok=True)
    samples = form.samples()
    for sample in samples:  # imports what reading needs
        path.write_bytes(sample)
        with suppress(TfcliError):  # some good files hold what is refused
            form.read(path)
    gc.collect()
    gc.freeze()
    for number in range(first, first + count):
        problem = _in_a_child(form, samples, f"{seed}-{name}-{number}", path)
        if problem is not None:
            print(json.dumps([number, problem]), flush=True)


def _in_a_child(form: Format, samples: list[bytes], seed: str, path: Path) -> str | None:
    """Fork, make the mutant and read it; what was wrong."""
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(STUCK)
        content = _mutant(form, samples, seed)
        path.write_bytes(content)
        _confine(path.parent)
        problem = _problem(form, path, len(content))
        os.write(telling, (problem or "").encode(errors="replace")[:4000])
        os._exit(0)
    os.close(telling)
    with os.fdopen(told, "rb") as pipe:
        problem = pipe.read().decode(errors="replace")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code in (-signal.SIGALRM, -signal.SIGXCPU):
        return f"took more than {LONGEST if code == -signal.SIGXCPU else STUCK} s"
    return problem or None if code == 0 else f"ended with {code}"


def _confine(allowed: Path) -> None:
    sys.addaudithook(lambda event, arguments: _audit(event, arguments, allowed))
    addresses = _memory("VmSize") + ALLOWED_ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST + 5))


def _problem(form: Format, path: Path, size: int) -> str | None:
    before = _memory("VmRSS")
    try:
        form.read(path)
    except TfcliError as error:
        if not str(error).strip():
            return "an error without a message"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    used = _memory("VmHWM") - before
    if used > ALLOWED_MEMORY + 2 * size:
        return f"took {used >> 20} MiB for a file of {size:,} bytes"
    return None


def _memory(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no {key}")


def _audit(event: str, arguments: tuple, allowed: Path) -> None:
    if event in FORBIDDEN:
        raise RuntimeError(f"{event} {arguments!r:.200}")
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int) and arguments[2] & WRITING:
        path = os.path.realpath(arguments[0])
        if not path.startswith((os.path.realpath(allowed), "/proc/self/", f"/proc/{os.getpid()}/", "/dev/null")):
            raise RuntimeError(f"writes to {path}")
    if event in ("exec", "compile") and _is_foreign(event, arguments):
        raise RuntimeError(f"runs code: {arguments!r:.200}")


def _is_foreign(event: str, arguments: tuple) -> bool:
    """Code that is not of an installed module (imported late), and not of a named tuple or dataclass of one."""
    file = arguments[0].co_filename if event == "exec" else arguments[1]
    return (
        isinstance(file, str)
        and file.startswith("/")
        and not file.startswith((PACKAGE, *map(os.path.realpath, sys.path)))
    )


if __name__ == "__main__":
    _, name, first, count, seed, folder = sys.argv
    _read_mutants(name, int(first), int(count), int(seed), Path(folder))
