"""Listing and comparing a logs directory of many runs, the first time and with the index that it leaves.

    python benchmarks/many_runs.py [--runs 10000] [--repeat 5]

Each command is a process of its own, its start-up included. Prints a table in Markdown: seconds by the clock, and in
brackets of the processor, which other work on the machine changes little.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "runner"))

from many_runs import make_runs

from tfcli.logging.run_index import NAME

COMMANDS = {
    "runs list": ["runs", "list", "--logdir"],
    "compare": ["compare"],
    "compare --where": ["compare", "--where", "optimizer.learning_rate < 0.01"],
    "compare --group-by settings": ["compare", "--group-by", "settings"],
}


def seconds(words: list[str]) -> tuple[float, float]:
    """By the clock, and of the processor."""
    started, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-m", "tfcli", *words], check=True, capture_output=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="many-runs-") as folder:
        logdir = Path(folder)
        make_runs(logdir, options.runs)
        os.sync()
        time.sleep(3)  # files that changed a moment ago are not indexed yet
        print(f"{options.runs:,} runs\n\n| command | without the index | with it |\n|---|---:|---:|")
        for name, words in COMMANDS.items():
            (logdir / NAME).unlink(missing_ok=True)
            first = seconds([*words, str(logdir)])
            later = [seconds([*words, str(logdir)]) for _ in range(options.repeat)]
            clock, used = (statistics.median(values) for values in zip(*later, strict=True))
            print(f"| `tfcli {name}` | {first[0]:.2f} ({first[1]:.2f}) | {clock:.2f} ({used:.2f}) |", flush=True)
        print(f"\nthe index: {(logdir / NAME).stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
