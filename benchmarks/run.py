"""All workloads, here and in whichever peers are installed, side by side.

    python benchmarks/run.py                                  every workload, three repetitions
    python benchmarks/run.py mlp gpt --repeat 5               some of them
    python benchmarks/run.py --quick --json x.json --picture x.png

A peer is a Python that has it: `--peers tensorflow=…/bin/python jax=… torch=… torch-compile=…`, or the variables
BENCH_TENSORFLOW, BENCH_JAX, BENCH_TORCH, BENCH_TORCH_COMPILE. Every measurement is a process of its own; the engines
take turns within a repetition. `scoring` and `scaling` are the names of the studies beside the workloads.
"""

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from processes import OURS, Failed, Run, apart, flops_of, measured, train_here
from report import draw, print_scaling, print_scoring, print_workloads
from scaling import AXES, study
from workloads.make_data import write

HERE = Path(__file__).parent
WORKLOADS = ("linreg", "mlp", "cnn", "resnet", "lstm", "gpt", "gpt_wide", "tabular")
STUDIES = ("scoring", "scaling")
PEERS = ("tensorflow", "jax", "torch", "torch-compile")


@dataclass
class Machine:
    processor: str
    cores: int
    system: str
    python: str
    load_before: float
    """Processes that were running or waiting, a minute's mean."""
    load_after: float = 0.0
    peak_gflops: float = 0.0
    """Of a kernel that does nothing but multiply and add registers."""
    versions: dict[str, str] = field(default_factory=dict)


def train_peer(engine: str, python: str, spec: Path, epochs: int) -> Run:
    script, options, environment = "keras_engine.py", [], {"KERAS_BACKEND": engine}
    if engine.startswith("torch"):
        script, options, environment = "torch_engine.py", ["--compile"] * (engine == "torch-compile"), {}
    command = [python, str(HERE / "engines" / script), str(spec), "--epochs", str(epochs), *options]
    output, first, whole, peak = measured(command, environment)
    told = json.loads(output.splitlines()[-1])
    return Run(
        engine, spec.stem, told["version"], told["seconds"], told["steps"], told["examples"], first, whole, peak, True
    )


def covers(engine: str, workload: str) -> bool:
    """Whether the engine has the workload: the table is read by tf.data."""
    return workload != "tabular" or engine in (OURS, "tensorflow")


def train_all(names: list[str], peers: dict[str, str], repeat: int, folder: Path, caches: Path) -> Iterator[Run]:
    """Every workload on every engine, `repeat` times; ours begins with an empty cache and then finds it filled."""
    for repetition in range(repeat):
        for name in names:
            spec = folder / f"{name}.yaml"
            epochs = yaml.safe_load(spec.read_text())["train"]["epochs"]
            cache = caches / name
            yield train_here(spec, cache, repetition == 0, epochs)
            if repetition == 0:
                yield train_here(spec, cache, False, epochs)
            for engine, python in peers.items():
                if covers(engine, name):
                    try:
                        yield train_peer(engine, python, spec, epochs)
                    except Failed as error:
                        print(f"{engine} failed on {name}:\n{error}", file=sys.stderr)


def score_all(peers: dict[str, str], cache: Path) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Latencies by engine, way of calling, and batch size: median and 99th percentile, in microseconds."""
    script, found = str(HERE / "engines" / "scoring.py"), {}
    for engine, python in {OURS: sys.executable, **peers}.items():
        kind = {OURS: OURS, "torch": "torch"}.get(engine, "keras")
        if engine == "torch-compile":
            continue
        environment = {"KERAS_BACKEND": engine} if kind == "keras" else {"TFCLI_CACHE_DIR": str(cache)}
        output, *_ = measured([python, script, kind], environment)
        found[engine] = json.loads(output.splitlines()[-1])
    return found


def machine() -> Machine:
    found = re.search(r"model name\s*:\s*(.+)", _text("/proc/cpuinfo"))
    processor = found[1] if found else platform.processor() or platform.machine()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Machine(processor, os.cpu_count() or 1, platform.platform(), platform.python_version(), load)


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def installed_peers(given: list[str]) -> dict[str, str]:
    """The Pythons of the peers, from the environment and, before it, from the command line."""
    peers = {}
    for name in PEERS:
        python = os.environ.get("BENCH_" + name.upper().replace("-", "_"))
        if python:
            peers[name] = python
    for word in given:
        name, _, python = word.partition("=")
        if name not in PEERS or not python:
            raise SystemExit(f"--peers {word}: expected NAME=PYTHON with a name of {', '.join(PEERS)}")
        peers[name] = python
    return peers


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join((*WORKLOADS, *STUDIES)))
    parser.add_argument("--peers", nargs="+", action="extend", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one repetition, and a smaller scaling study")
    parser.add_argument("--data", type=Path, help="where the data is written and kept; otherwise it is made anew")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE")
    given = parser.parse_args()
    unknown = sorted({*given.workloads} - {*WORKLOADS, *STUDIES})
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join((*WORKLOADS, *STUDIES))}")
    given.workloads = given.workloads or [*WORKLOADS, *STUDIES]
    return given


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from kernels import peak

    peers, host = installed_peers(given.peers), machine()
    apart(write, folder)
    for source in (HERE / "workloads").glob("*.yaml"):
        (folder / source.name).write_text(source.read_text())
    result: dict[str, Any] = {"machine": host, "runs": [], "flops": {}}
    host.peak_gflops = apart(peak, 50) / 1e9
    names = [name for name in WORKLOADS if name in given.workloads]
    with tempfile.TemporaryDirectory() as caches:
        for run in train_all(names, peers, 1 if given.quick else given.repeat, folder, Path(caches)):
            result["runs"].append(run)
            host.versions[run.engine] = run.version
            print(f"{run.workload:9} {run.engine:13} {min(run.seconds) / run.steps * 1e3:9.3f} ms", file=sys.stderr)
        if "scoring" in given.workloads:
            result["scoring"] = score_all(peers, Path(caches) / "scoring")
        if "scaling" in given.workloads:
            result["scaling"] = {axis: study(axis, Path(caches), given.quick) for axis in AXES}
    result["flops"] = {name: apart(flops_of, folder / f"{name}.yaml") for name in names if name != "tabular"}
    host.load_after = machine().load_before
    return result


def main() -> None:
    given = parsed()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(given, folder)
    print_workloads(result)
    if "scoring" in result:
        print_scoring(result["scoring"])
    if "scaling" in result:
        print_scaling(result["scaling"])
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, default=asdict))
    if given.picture:
        draw(result, given.picture)


if __name__ == "__main__":
    main()
