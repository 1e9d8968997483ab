"""Bad files by the thousand, each read in a process that is watched: for its memory, its time, and what it does.

`python fuzz.py FORMAT FIRST COUNT SEED FOLDER` reads mutants in this process and prints a line of JSON a finding.
`hunt` does so in a process of its own, and notices when that hangs or dies.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from formats import FORMATS

import tfcli
from tfcli.errors import TfcliError

PACKAGE = str(Path(tfcli.__file__).parent)
LONGEST = 10.0
"""Seconds for one file."""
ALLOWED_MEMORY = 64 << 20
"""Bytes that reading a file may take besides twice its size."""
ADDRESS_SPACE = 4 << 30
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FORBIDDEN = (
    "os.system",
    "subprocess.Popen",
    "os.exec",
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
    draw = random.Random(f"{seed}-{name}-{number}")
    samples = FORMATS[name].samples()
    return FORMATS[name].change(draw.choice(samples), draw)


def hunt(name: str, count: int, seed: int, folder: Path, first: int = 0) -> list[Finding]:
    """Read `count` mutants in processes of their own; after one that hangs or kills its process the next begins."""
    findings: list[Finding] = []
    end = first + count
    while first < end:
        progress = folder / "progress"
        progress.write_text(str(first))
        process = subprocess.Popen(
            [sys.executable, __file__, name, str(first), str(end - first), str(seed), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "MNIST": "/nowhere", "TFCLI_DATA": "/nowhere"},
            text=True,
        )
        how = _watched(process, progress)
        out, err = process.communicate()
        findings += [Finding(name, *json.loads(line)) for line in out.splitlines()]
        if how is None and process.returncode == 0:
            break
        last = int(progress.read_text())
        findings.append(Finding(name, last, how or f"ended with {process.returncode}: {err[-600:]}"))
        first = last + 1
    return findings


def _watched(process: subprocess.Popen, progress: Path) -> str | None:
    """Wait; what was wrong where the process had to be killed."""
    before, since = "", time.monotonic()
    while process.poll() is None:
        time.sleep(0.02)
        now = progress.read_text()
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > LONGEST + 20 * (before == ""):
            process.kill()
            return f"took more than {LONGEST:g} s"
    return None


def _read_mutants(name: str, first: int, count: int, seed: int, folder: Path) -> None:
    form = FORMATS[name]
    path = folder / "read" / form.file
    path.parent.mkdir(exist_ok=True)
    samples = form.samples()
    for sample in samples:  # imports what reading needs
        path.write_bytes(sample)
        with suppress(TfcliError):  # some good files hold what is refused
            form.read(path)
    progress = os.open(folder / "progress", os.O_WRONLY)
    sys.addaudithook(lambda event, arguments: _audit(event, arguments, path.parent))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    for number in range(first, first + count):
        draw = random.Random(f"{seed}-{name}-{number}")
        content = form.change(draw.choice(samples), draw)
        path.write_bytes(content)
        os.pwrite(progress, str(number).encode(), 0)
        problem = _problem(form.read, path, len(content))
        if problem is not None:
            print(json.dumps([number, problem]), flush=True)


def _problem(read, path: Path, size: int) -> str | None:  # type: ignore[no-untyped-def]
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # begins a new peak
    try:
        read(path)
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
